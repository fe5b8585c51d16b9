// What commands on places read and reply alike. A function that returns nothing has written the error reply.
#pragma once

#include <cstddef>
#include <optional>

#include "commands/command.h"
#include "commands/geo_hash.h"

namespace cowslip::commands {

// A longitude and a latitude, at `index` and behind it.
std::optional<GeoPosition> position_argument(CommandContext& c, size_t index);

// How many meters a unit is (m, km, ft, mi).
std::optional<double> unit_argument(CommandContext& c, size_t index);

// As an array of two numbers.
void reply_position(CommandContext& c, const GeoPosition& at);
// With four decimals.
void reply_distance(CommandContext& c, double distance);

}  // namespace cowslip::commands
