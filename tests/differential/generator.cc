#include "tests/differential/generator.h"

#include <utility>

namespace cowslip::testing {

std::vector<Generator> all_generators() {
  std::vector<Generator> all;
  for (const auto& family : {string_generators(), bitmap_generators(), hyperloglog_generators(), list_generators(),
                             hash_generators(), set_generators(), sorted_set_generators(), geo_generators(),
                             sort_generators(), blocking_generators(), key_generators(), connection_generators(),
                             server_generators(), transaction_generators(), pubsub_generators()}) {
    all.insert(all.end(), family.begin(), family.end());
  }
  return all;
}

void garble(Pool& pool, Arguments& arguments) {
  switch (pool.random().below(4)) {
    case 0:
      if (arguments.size() > 1) arguments.pop_back();
      return;
    case 1:
      arguments.push_back(pool.value());
      return;
    case 2:
      arguments.push_back(arguments.back());
      return;
    default:
      if (arguments.size() > 2) std::swap(arguments[1], arguments.back());
  }
}

}  // namespace cowslip::testing
