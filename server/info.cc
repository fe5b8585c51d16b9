#include "server/info.h"

#include <algorithm>

#include "base/text.h"

namespace cowslip::server {
namespace {

constexpr InfoSection kSections[] = {
    {"server", true, info::write_server},
    {"clients", true, info::write_clients},
    {"memory", true, info::write_memory},
    {"persistence", true, info::write_persistence},
    {"stats", true, info::write_stats},
    {"replication", true, info::write_replication},
    {"cpu", true, info::write_cpu},
    {"modules", true, info::write_modules},
    {"commandstats", false, info::write_commandstats},
    {"errorstats", true, info::write_errorstats},
    {"latencystats", false, info::write_latencystats},
    {"cluster", true, info::write_cluster},
    {"keyspace", true, info::write_keyspace},
    {"cowslip", true, info::write_cowslip},
    {"snapshot", true, info::write_snapshot},
    {"engine", true, info::write_engine},
};

bool asks_for(std::string_view word, const InfoSection& section) {
  if (equals_ignore_case(word, section.name) || equals_ignore_case(word, "all")) return true;
  if (equals_ignore_case(word, "everything")) return true;
  return section.by_default && equals_ignore_case(word, "default");
}

}  // namespace

std::span<const InfoSection> info_sections() {
  return kSections;
}

std::string make_info(Server& server, std::span<const std::string_view> names) {
  constexpr std::string_view kDefault[] = {"default"};
  if (names.empty()) names = kDefault;
  InfoText text;
  for (const InfoSection& section : kSections) {
    if (std::ranges::any_of(names, [&](std::string_view name) { return asks_for(name, section); })) {
      section.write(server, text);
    }
  }
  return text.take();
}

}  // namespace cowslip::server
