#include "commands/geo_arguments.h"

#include <fmt/format.h>

#include <cmath>

#include "base/numbers.h"
#include "commands/arguments.h"

namespace cowslip::commands {

std::optional<GeoPosition> position_argument(CommandContext& c, size_t index) {
  const auto longitude = parse_double(c.args[index]);
  const auto latitude = longitude ? parse_double(c.args[index + 1]) : std::nullopt;
  if (!latitude) {
    c.reply.error(kNotAFloat);
    return std::nullopt;
  }
  const GeoPosition at{*longitude, *latitude};
  if (on_the_map(at)) return at;
  c.reply.error(fmt::format("ERR invalid longitude,latitude pair {:.6f},{:.6f}", at.longitude, at.latitude));
  return std::nullopt;
}

std::optional<double> unit_argument(CommandContext& c, size_t index) {
  const std::string_view unit = c.args[index];
  if (is_option(unit, "m")) return 1;
  if (is_option(unit, "km")) return 1000;
  if (is_option(unit, "ft")) return 0.3048;
  if (is_option(unit, "mi")) return 1609.34;
  c.reply.error("ERR unsupported unit provided. please use M, KM, FT, MI");
  return std::nullopt;
}

void reply_position(CommandContext& c, const GeoPosition& at) {
  c.reply.array(2);
  for (const double degrees : {at.longitude, at.latitude}) {
    const std::string text = format_long_double(degrees);
    c.reply.resp3() ? c.reply.raw("," + text + "\r\n") : c.reply.bulk(text);
  }
}

// Rounded as an integer first, as 7.2 does.
void reply_distance(CommandContext& c, double distance) {
  const auto parts = std::llrint(distance * 10'000);
  c.reply.bulk(fmt::format("{}.{:04}", parts / 10'000, parts % 10'000));
}

}  // namespace cowslip::commands
