// A SaveRecord as one line of JSON, and back: what cow-history.jsonl is made of. docs/COW_HISTORY.md has each field.
//
// Pure functions, any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/save_record.h"

namespace cowslip::persistence {

inline constexpr int kSaveRecordVersion = 1;

// The fields that are no lists, in their order, under the names that the line has.
nlohmann::ordered_json as_json(const SaveRecord& record);
nlohmann::ordered_json as_json(const CauseRow& cause);
nlohmann::ordered_json as_json(const TimelinePoint& point);

// Without the line's end. Bytes that are not UTF-8 (a file name in an error) become U+FFFD.
std::string to_json_line(const SaveRecord& record);

// Empty when it is no such line: torn, of another version, with a value of the wrong type or one that cannot be (a
// number of 2^53 or more, times that are negative or above a year), or something else entirely. Control characters in
// texts become spaces. Fields that are missing keep their initial values, those that are not known are passed over.
std::optional<SaveRecord> from_json_line(std::string_view line);

}  // namespace cowslip::persistence
