// The experiments on copy-on-write that need no server; bench/cow_lab.py runs them, scripts/lab is how to start it.
//
//   cow_lab private-file  [--folder .] [--bytes N]
//   cow_lab spawning      --sizes N,N,... [--repeat N]
//   cow_lab share-written [--bytes N] [--seed N]
//   cow_lab reading       [--objects N] [--object-bytes N] [--seed N]
//   cow_lab owner         [--bytes N] [--writes N] [--repeat N] [--seed N]
//
// Every experiment takes --group-usage FILE, --group-stat FILE and --group-field NAME: the memory control group it
// runs in. One line of JSON per measurement on standard output; sizes in bytes.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/numbers.h"
#include "bench/cow_lab/experiments.h"

namespace cowslip::bench {
namespace {

[[noreturn]] void usage(std::string_view problem) {
  fmt::print(stderr, "cow_lab: {}; the usage stands at the top of its source\n", problem);
  std::exit(2);
}

uint64_t number(std::string_view text) {
  const auto value = parse_uint64(text);
  if (!value || *value == 0) usage(fmt::format("'{}' is not a number above 0", text));
  return *value;
}

std::vector<uint64_t> numbers(std::string_view text) {
  std::vector<uint64_t> values;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    values.push_back(number(word));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return values;
}

struct GroupFiles {
  std::string usage, stat, field;
};

void take_option(LabOptions& options, GroupFiles& group, std::string_view name, std::string_view value) {
  if (name == "--folder")
    options.folder = value;
  else if (name == "--bytes")
    options.bytes = number(value);
  else if (name == "--sizes")
    options.sizes = numbers(value);
  else if (name == "--repeat")
    options.repeat = number(value);
  else if (name == "--objects")
    options.objects = number(value);
  else if (name == "--object-bytes")
    options.object_bytes = number(value);
  else if (name == "--writes")
    options.writes = number(value);
  else if (name == "--seed")
    options.seed = number(value);
  else if (name == "--group-usage")
    group.usage = value;
  else if (name == "--group-stat")
    group.stat = value;
  else if (name == "--group-field")
    group.field = value;
  else
    usage(fmt::format("no option {}", name));
}

void run(std::string_view experiment, const LabOptions& options, const Group& group) {
  if (experiment == "private-file")
    run_private_file(options, group);
  else if (experiment == "spawning")
    run_spawning(options);
  else if (experiment == "share-written")
    run_share_written(options, group);
  else if (experiment == "reading")
    run_reading_with_refcounts(options);
  else if (experiment == "owner")
    run_buffer_or_page(options);
  else if (experiment == "wait")
    run_waiting_child();
  else
    usage(fmt::format("no experiment '{}'", experiment));
}

}  // namespace
}  // namespace cowslip::bench

int main(int argc, char** argv) {
  using namespace cowslip::bench;
  if (argc < 2 || argc % 2 != 0) usage("an experiment, then pairs of option and value");
  LabOptions options;
  GroupFiles group;
  for (int i = 2; i + 1 < argc; i += 2) take_option(options, group, argv[i], argv[i + 1]);
  run(argv[1], options, Group(group.usage, group.stat, group.field));
}
