// A map in a reply whose pairs are counted as they come; its destructor puts the header in front.
//
//     MapReply map(reply);
//     map.text("state", "running");
//     map.integer("keys", 7);
//     map.name("rows").array(2);   // the value follows, written by hand or by a MapReply of its own
//
// An inner map must end before the outer one goes on. Not thread-safe.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/reply_writer.h"

namespace cowslip::protocol {

class MapReply {
 public:
  explicit MapReply(ReplyWriter& reply) : reply_(reply), mark_(reply.begin_aggregate()) {}
  ~MapReply() { reply_.end_map(mark_, pairs_); }
  MapReply(const MapReply&) = delete;
  MapReply& operator=(const MapReply&) = delete;

  // The value follows as a reply of its own.
  ReplyWriter& name(std::string_view name) {
    pairs_++;
    reply_.bulk(name);
    return reply_;
  }
  void text(std::string_view field, std::string_view value) { name(field).bulk(value); }
  void text_if_any(std::string_view field, std::string_view value) {
    if (!value.empty()) text(field, value);
  }
  template <std::integral Integer>
  void integer(std::string_view field, Integer value) {
    name(field).integer(static_cast<int64_t>(value));
  }
  void boolean(std::string_view field, bool value) { name(field).boolean(value); }
  // Rounded to `decimals`, so that a person can read it.
  void real(std::string_view field, double value, int decimals = 4) { name(field).real(rounded(value, decimals)); }
  // Null when there is no value.
  void real(std::string_view field, std::optional<double> value, int decimals = 4) {
    value ? real(field, *value, decimals) : name(field).null();
  }

  static double rounded(double value, int decimals) {
    const double scale = std::pow(10.0, decimals);
    return std::round(value * scale) / scale;
  }

 private:
  ReplyWriter& reply_;
  ReplyWriter::Mark mark_;
  size_t pairs_ = 0;
};

}  // namespace cowslip::protocol
