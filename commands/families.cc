#include "commands/families.h"

#include "commands/command_table.h"

namespace cowslip::commands {

void add_data_commands(CommandTable& table) {
  table.add(string_commands());
  table.add(string_range_commands());
  table.add(counter_commands());
  table.add(lcs_commands());
  table.add(connection_commands());
}

}  // namespace cowslip::commands
