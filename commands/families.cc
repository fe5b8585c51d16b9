#include "commands/families.h"

#include "commands/command_table.h"

namespace cowslip::commands {

void add_data_commands(CommandTable& table) {
  table.add(string_commands());
  table.add(string_range_commands());
  table.add(counter_commands());
  table.add(lcs_commands());
  table.add(bitmap_commands());
  table.add(bitfield_commands());
  table.add(hyperloglog_commands());
  table.add(list_commands());
  table.add(list_element_commands());
  table.add(sort_commands());
  table.add(sorted_set_commands());
  table.add(sorted_set_range_commands());
  table.add(sorted_set_algebra_commands());
  table.add(sorted_set_pop_commands());
  table.add(geo_commands());
  table.add(geo_search_commands());
  table.add(hash_commands());
  table.add(hash_walk_commands());
  table.add(set_commands());
  table.add(set_algebra_commands());
  table.add(blocking_list_commands());
  table.add(blocking_sorted_set_commands());
  table.add(expiry_commands());
  table.add(key_commands());
  table.add(walk_commands());
  table.add(database_commands());
  table.add(object_commands());
  table.add(connection_commands());
  table.add(introspection_commands());
  table.add(transaction_commands());
  table.add(pubsub_commands());
}

}  // namespace cowslip::commands
