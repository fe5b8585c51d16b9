// Who asks system_check.h, and how it is shown: the log at the start, MEMORY DOCTOR, `cowslip-server --check-system`.
#pragma once

#include <string>
#include <vector>

#include "base/log.h"
#include "server/config.h"
#include "server/oom_score.h"
#include "server/system_check.h"

namespace cowslip::server {

class Server;

// What is known before anything is loaded: the settings, and what the snapshot file in the working directory says of
// its size in memory.
DatasetFacts dataset_before_load(const ServerConfig& config, const OomScore& oom_score);
// What is known of a running server: its size, and what the observatory expects of the next save. Event loop only.
DatasetFacts dataset_of(Server& server);

// Warnings as Redis writes them ("WARNING ..."), notes as notices; nothing of what is fine.
void log_findings(const std::vector<SystemFinding>& findings, const Logger& log);
// The same as items of a list, for MEMORY DOCTOR: those of one severity, one to a line, each beginning with " * ".
std::string listed(const std::vector<SystemFinding>& findings, Severity severity);
// All of it for a terminal: what was looked at, what is fine, what is not, and a last line that sums up. Pure.
std::string system_report(const SystemFacts& facts, const std::vector<SystemFinding>& findings);

// --check-system: prints the report for a server with these settings. Returns the exit code: 0, or 1 with warnings.
int print_system_report(const ServerConfig& config);

}  // namespace cowslip::server
