// The subjects of system_check.h that are about how much memory there is, and who loses when it is gone.
#include <fmt/format.h>

#include <algorithm>

#include "base/numbers.h"
#include "server/system_check.h"

namespace cowslip::server {
namespace {

using memory::kUnlimited;

// Below this a dataset, and the growth by its saves, is small beside any server's fixed costs.
constexpr uint64_t kSmallestWorthJudging = 64 << 20;
// While no save was seen: how much of the dataset should be able to change during one, at least.
constexpr uint64_t kSpareShare = 10;
constexpr uint64_t kSwapWorthNaming = 16 << 20;

std::string human(uint64_t bytes) {
  return format_memory_human(bytes);
}

uint64_t difference_or_0(uint64_t a, uint64_t b) {
  return a - std::min(a, b);
}

uint64_t size_of(const DatasetFacts& dataset) {
  return dataset.used + dataset.to_load;
}

SystemFinding fine(std::string_view subject, std::string text) {
  return {.severity = Severity::kFine, .subject = subject, .text = std::move(text), .remedy = {}};
}

SystemFinding warning(std::string_view subject, std::string text, std::string remedy) {
  return {.severity = Severity::kWarning, .subject = subject, .text = std::move(text), .remedy = std::move(remedy)};
}

SystemFinding note(std::string_view subject, std::string text, std::string remedy) {
  return {.severity = Severity::kNote, .subject = subject, .text = std::move(text), .remedy = std::move(remedy)};
}

std::string left_of(const memory::Headroom& room, uint64_t left) {
  return fmt::format("{} of {} can still be taken ({})", human(left), human(room.total), room.limit);
}

std::string remedy_for(const memory::Headroom& room, uint64_t missing) {
  if (room.limit.starts_with("cgroup")) {
    return fmt::format(
        "Raise the limit by {} at least (docker update --memory, resources.limits.memory in Kubernetes, MemoryMax= and "
        "MemoryHigh= in systemd), keep less data (maxmemory), or save when less is written.",
        human(missing));
  }
  return fmt::format("Make {} free at least, keep less data (maxmemory), or save when less is written.",
                     human(missing));
}

SystemFinding never_overcommits(const memory::MemoryLimits& limits, const DatasetFacts& dataset) {
  constexpr std::string_view kRemedy =
      "Run 'sysctl vm.overcommit_memory=1', add 'vm.overcommit_memory = 1' to /etc/sysctl.conf, and restart the server";
  const uint64_t left = difference_or_0(limits.commit_limit, limits.committed);
  // The dataset is committed once already, and a fork needs as much again.
  const uint64_t largest = (left + dataset.used) / 2;
  if (size_of(dataset) > largest) {
    return warning(
        "overcommit",
        fmt::format("Memory overcommit must be enabled! With vm.overcommit_memory=2 a fork has to be granted "
                    "as much memory as the dataset has. That is {}, and of the commit limit ({}) there is "
                    "{} left: background saves will fail.",
                    human(size_of(dataset)), human(limits.commit_limit), human(difference_or_0(left, dataset.to_load))),
        fmt::format("{}.", kRemedy));
  }
  if (dataset.maxmemory != 0 && dataset.maxmemory <= largest) {
    return fine("overcommit", fmt::format("2, and the commit limit ({}) has room for two times maxmemory.",
                                          human(limits.commit_limit)));
  }
  return warning("overcommit",
                 fmt::format("Memory overcommit must be enabled! With vm.overcommit_memory=2 a fork has to be granted "
                             "as much memory as the dataset has. Once the dataset is larger than {}, background saves "
                             "fail; at the commit limit ({}) the server itself is refused memory, and ends.",
                             human(largest), human(limits.commit_limit)),
                 fmt::format("{}; or set maxmemory to {} at most.", kRemedy, human(largest)));
}

}  // namespace

SystemFinding check::overcommit(const SystemFacts& facts, const DatasetFacts& dataset) {
  switch (facts.limits.overcommit) {
    case memory::Overcommit::kNever:
      return never_overcommits(facts.limits, dataset);
    case memory::Overcommit::kHeuristic:
      // It judges what is accounted, and our ranges are not (MAP_NORESERVE).
      return fine("overcommit", "0: the kernel does not count the dataset's memory when it judges a fork.");
    case memory::Overcommit::kAlways:
      break;
  }
  return fine("overcommit", "1: a fork is never refused for its size.");
}

SystemFinding check::room(const SystemFacts& facts, const DatasetFacts& dataset) {
  const memory::Headroom room = memory::headroom(facts.limits);
  if (room.bytes == kUnlimited) return fine("memory", "no limit is known.");
  if (dataset.to_load > room.bytes) {
    return warning("memory",
                   fmt::format("The dataset in the snapshot file took {} when it was saved, and {}.",
                               human(dataset.to_load), left_of(room, room.bytes)),
                   remedy_for(room, dataset.to_load - room.bytes));
  }
  const uint64_t left = room.bytes - dataset.to_load;
  const uint64_t needed =
      dataset.expected_growth.value_or(size_of(dataset) < kSmallestWorthJudging ? 0 : size_of(dataset) / kSpareShare);
  const std::string left_text = left_of(room, left);
  if (left >= needed) {
    const std::string forecast =
        dataset.expected_growth ? fmt::format("; a save is expected to take {}", human(needed)) : "";
    return fine("memory", fmt::format("{}{}.", left_text, forecast));
  }
  return warning("memory",
                 dataset.expected_growth
                     ? fmt::format("A save is expected to take {} more, and {}.", human(needed), left_text)
                     : fmt::format("With a dataset of {}, {}. What is written during a save comes on top of it.",
                                   human(size_of(dataset)), left_text),
                 remedy_for(room, needed - left));
}

SystemFinding check::maxmemory(const SystemFacts& facts, const DatasetFacts& dataset) {
  const memory::Headroom room = memory::headroom(facts.limits);
  if (dataset.maxmemory == 0) {
    if (!room.limit.starts_with("cgroup")) return fine("maxmemory", "not set: the machine's memory is the limit.");
    return note(
        "maxmemory",
        fmt::format("maxmemory is not set, and there is a {} of {}: when the dataset reaches it, the kernel ends "
                    "the server instead of writes being refused.",
                    room.limit, human(room.total)),
        fmt::format("CONFIG SET maxmemory {}mb leaves room for saves.",
                    room.total * (kSpareShare - 2) / kSpareShare >> 20));
  }
  if (room.bytes == kUnlimited) return fine("maxmemory", fmt::format("{}.", human(dataset.maxmemory)));
  const uint64_t reach = dataset.used + room.bytes;
  const uint64_t spare = dataset.expected_growth.value_or(dataset.maxmemory / kSpareShare);
  if (dataset.maxmemory <= difference_or_0(reach, spare)) {
    return fine("maxmemory", fmt::format("{}, of {} that there are.", human(dataset.maxmemory), human(reach)));
  }
  const uint64_t fitting =
      dataset.expected_growth ? difference_or_0(reach, spare) : reach * kSpareShare / (kSpareShare + 1);
  return warning("maxmemory",
                 fmt::format("maxmemory is {}, and the server can have {} ({}): a save of a full dataset does not fit.",
                             human(dataset.maxmemory), human(reach), room.limit),
                 fmt::format("CONFIG SET maxmemory {}mb at most, or raise the limit.", fitting >> 20));
}

SystemFinding check::oom_killer(const SystemFacts& facts, const DatasetFacts& dataset) {
  if (facts.limits.cgroup.limited() && facts.limits.cgroup.kills_together) {
    return warning("OOM killer",
                   "memory.oom.group is set: when the control group's limit is reached, the kernel ends the server "
                   "together with its saving child, instead of the child alone.",
                   "Write 0 to the group's memory.oom.group; in Kubernetes, set singleProcessOOMKill: true for the "
                   "kubelet.");
  }
  if (facts.oom_score_adj >= dataset.oom_score_adj_of_child) {
    return warning(
        "OOM killer",
        fmt::format("The server's oom_score_adj is {}, a saving child's {}: when memory is gone, the kernel "
                    "ends the server rather than the child.",
                    facts.oom_score_adj, dataset.oom_score_adj_of_child),
        fmt::format("Start the server with less (OOMScoreAdjust= in systemd; in Kubernetes, memory requests "
                    "make it less than 1000){}.",
                    dataset.oom_score_adj_of_child < 1000 ? ", or CONFIG SET oom-score-adj-values '0 200 1000'" : ""));
  }
  return fine("OOM killer", fmt::format("takes a saving child (oom_score_adj {}) before the server ({}).",
                                        dataset.oom_score_adj_of_child, facts.oom_score_adj));
}

SystemFinding check::swap(const SystemFacts& facts, const DatasetFacts& dataset) {
  if (facts.swapped > kSwapWorthNaming && facts.swapped > size_of(dataset) / 100) {
    return warning(
        "swap",
        fmt::format("{} of the server are swapped out. Commands that need them wait for the disk, and a save "
                    "reads all of them back.",
                    human(facts.swapped)),
        "Give the machine more memory, or keep the server out of swap: MemorySwapMax=0 in systemd, "
        "docker run --memory-swap equal to --memory, or sysctl vm.swappiness=1.");
  }
  if (facts.limits.swap_total == 0) return fine("swap", "none.");
  return fine("swap", fmt::format("{} there, {} of it free, nothing of the server's in it worth a word.",
                                  human(facts.limits.swap_total), human(facts.limits.swap_free)));
}

}  // namespace cowslip::server
