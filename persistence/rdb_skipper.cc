#include "persistence/rdb_skipper.h"

#include <fmt/format.h>

#include "persistence/rdb_format.h"

namespace cowslip::persistence {
namespace {

// A stream:
//
//   nodes             length, then for each: a string with the 16 bytes of its first ID, a string with a listpack
//   number of items   length
//   last ID           two lengths
//   since the second form: first ID, greatest deleted ID (two lengths each), number of items ever added (a length)
//   consumer groups   length, then for each:
//     name            string
//     last ID         two lengths
//     since the second form: number of items read (a length)
//     pending         length, then for each: ID (16 bytes), time (8 bytes), deliveries (a length)
//     consumers       length, then for each:
//       name          string
//       last seen     8 bytes
//       since the third form: last active (8 bytes)
//       pending       length, then for each: ID (16 bytes)
class StreamSkipper {
 public:
  StreamSkipper(RdbDecoder& decoder, RdbType type)
      : decoder_(decoder),
        second_form_(type != RdbType::kStreamListpacks),
        third_form_(type == RdbType::kStreamListpacks3) {}

  Status skip() {
    constexpr int kItemsAndLastId = 3, kFirstAndDeletedIdAndAdded = 5;
    if (auto status = each(&StreamSkipper::node); !status) return status;
    if (auto status = lengths(kItemsAndLastId); !status) return status;
    if (second_form_) {
      if (auto status = lengths(kFirstAndDeletedIdAndAdded); !status) return status;
    }
    return each(&StreamSkipper::group);
  }

 private:
  static constexpr uint64_t kIdBytes = 16, kTimeBytes = 8;

  Status each(Status (StreamSkipper::*skip_one)()) {
    const auto count = decoder_.length();
    if (!count) return std::unexpected(count.error());
    for (uint64_t i = 0; i < *count; i++) {
      if (auto status = (this->*skip_one)(); !status) return status;
    }
    return {};
  }

  Status lengths(int count) {
    for (int i = 0; i < count; i++) {
      if (auto status = decoder_.skip_length(); !status) return status;
    }
    return {};
  }

  Status node() {
    const auto id = decoder_.text(scratch_, false);
    if (!id) return std::unexpected(id.error());
    if (id->size() != kIdBytes) return decoder_.corrupt("An ID in a stream that is not 16 bytes long");
    return decoder_.skip_string();
  }

  Status group() {
    if (auto status = decoder_.skip_string(); !status) return status;
    if (auto status = lengths(second_form_ ? 3 : 2); !status) return status;
    if (auto status = each(&StreamSkipper::pending); !status) return status;
    return each(&StreamSkipper::consumer);
  }

  Status pending() {
    if (auto status = decoder_.skip_bytes(kIdBytes + kTimeBytes); !status) return status;
    return decoder_.skip_length();
  }

  Status consumer() {
    if (auto status = decoder_.skip_string(); !status) return status;
    if (auto status = decoder_.skip_bytes(third_form_ ? 2 * kTimeBytes : kTimeBytes); !status) return status;
    return each(&StreamSkipper::pending_of_consumer);
  }

  Status pending_of_consumer() { return decoder_.skip_bytes(kIdBytes); }

  RdbDecoder& decoder_;
  const bool second_form_, third_form_;
  std::string scratch_;
};

}  // namespace

Result<std::string> skip_value(RdbDecoder& decoder, uint8_t type) {
  switch (static_cast<RdbType>(type)) {
    case RdbType::kStreamListpacks:
    case RdbType::kStreamListpacks2:
    case RdbType::kStreamListpacks3: {
      if (auto status = StreamSkipper(decoder, static_cast<RdbType>(type)).skip(); !status) {
        return std::unexpected(status.error());
      }
      return std::string(rdb_type_name(type));
    }
    case RdbType::kModule2: {
      const auto id = decoder.length();
      if (!id) return std::unexpected(id.error());
      if (auto status = decoder.skip_module_fields(); !status) return std::unexpected(status.error());
      return fmt::format("value of module '{}'", rdb_module_name(*id));
    }
    default:
      return decoder.refuse_value(type);
  }
}

}  // namespace cowslip::persistence
