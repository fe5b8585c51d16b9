#include "server/system_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/file.h"
#include "base/numbers.h"
#include "persistence/rdb_origin.h"
#include "server/observatory.h"
#include "server/server.h"

namespace cowslip::server {
namespace {

DatasetFacts from_settings(const ServerConfig& config, const OomScore& oom_score) {
  DatasetFacts dataset;
  dataset.maxmemory = config.maxmemory;
  dataset.oom_score_adj_of_child = oom_score.of_child(config);
  return dataset;
}

// A forecast that no save of this server has taught would be a guess; it is left out.
std::optional<uint64_t> expected_growth(Observatory& observatory) {
  const persistence::Forecast forecast = observatory.forecast_next();
  if (forecast.learned_from == 0) return std::nullopt;
  return static_cast<uint64_t>(std::max<int64_t>(forecast.growth, 0));
}

std::string_view mark_of(Severity severity) {
  switch (severity) {
    case Severity::kFine:
      return "ok";
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      break;
  }
  return "WARNING";
}

std::string sentences(const SystemFinding& finding) {
  return finding.remedy.empty() ? finding.text : fmt::format("{} {}", finding.text, finding.remedy);
}

}  // namespace

DatasetFacts dataset_before_load(const ServerConfig& config, const OomScore& oom_score) {
  DatasetFacts dataset = from_settings(config, oom_score);
  // A file that cannot be read is the loader's to complain about.
  const auto origin = persistence::read_rdb_origin(real_file_system(), config.dbfilename);
  if (origin) dataset.to_load = origin->used_memory_bytes != 0 ? origin->used_memory_bytes : origin->file_bytes;
  return dataset;
}

DatasetFacts dataset_of(Server& server) {
  DatasetFacts dataset = from_settings(server.config(), server.oom_score());
  dataset.used = server.used_memory();
  dataset.expected_growth = expected_growth(server.observatory());
  return dataset;
}

void log_findings(const std::vector<SystemFinding>& findings, const Logger& log) {
  for (const SystemFinding& finding : findings) {
    if (finding.severity == Severity::kWarning) log.warning("WARNING {}", sentences(finding));
    if (finding.severity == Severity::kNote) log.notice("{}", sentences(finding));
  }
}

std::string listed(const std::vector<SystemFinding>& findings, Severity severity) {
  std::string list;
  for (const SystemFinding& finding : findings) {
    if (finding.severity == severity) list += fmt::format(" * {}\n", sentences(finding));
  }
  return list;
}

std::string system_report(const SystemFacts& facts, const std::vector<SystemFinding>& findings) {
  std::string report = fmt::format("Cowslip {} on Linux {}\n\n", COWSLIP_VERSION,
                                   facts.kernel_release.empty() ? "of an unknown version" : facts.kernel_release);
  for (const SystemFinding& finding : findings) {
    report += fmt::format("{:<8} {:<11} {}\n", mark_of(finding.severity), finding.subject, finding.text);
    if (!finding.remedy.empty()) report += fmt::format("{:<20} -> {}\n", "", finding.remedy);
  }
  const size_t warnings = count_of(findings, Severity::kWarning);
  const size_t notes = count_of(findings, Severity::kNote);
  if (warnings == 0 && notes == 0) return report + "\nNothing is wrong as far as can be seen.\n";
  return report +
         fmt::format("\n{} warning{}, {} note{}.\n", warnings, warnings == 1 ? "" : "s", notes, notes == 1 ? "" : "s");
}

int print_system_report(const ServerConfig& config) {
  SystemFacts facts = gather_system_facts();
  const OomScore oom_score;
  // What the server would have: it puts the directive into effect when it starts.
  facts.oom_score_adj = oom_score.score(config.oom_score_adj, config.oom_score_adj_values[kMasterOomScore]);
  const auto findings = check_system(facts, dataset_before_load(config, oom_score));
  const std::string report = system_report(facts, findings);
  std::fwrite(report.data(), 1, report.size(), stdout);
  return count_of(findings, Severity::kWarning) == 0 ? 0 : 1;
}

}  // namespace cowslip::server
