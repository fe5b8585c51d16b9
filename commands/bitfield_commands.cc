// BITFIELD: integers of any width at any bit of a string.
#include <algorithm>
#include <vector>

#include "base/numbers.h"
#include "commands/arguments.h"
#include "commands/bit_arguments.h"
#include "commands/families.h"
#include "store/bitfield.h"

namespace cowslip::commands {
namespace {

using store::Entry;
using store::FieldOverflow;
using store::FieldType;
using store::StringView;

struct FieldOperation {
  enum class Kind { kGet, kSet, kIncrement } kind;
  FieldType type;
  uint64_t offset;
  int64_t operand;  // the value or the increment
  FieldOverflow overflow;
};

struct Request {
  std::vector<FieldOperation> operations;
  size_t written_bytes = 0;  // the length that the string needs for all writes; 0: there are none
};

// ---- arguments ----

std::optional<FieldType> type_argument(CommandContext& c, size_t index) {
  const std::string_view text = c.args[index];
  const bool is_signed = text.starts_with('i');
  const auto width = is_signed || text.starts_with('u') ? parse_int64(text.substr(1)) : std::nullopt;
  if (width && *width >= 1 && *width <= (is_signed ? 64 : 63))
    return FieldType{is_signed, static_cast<unsigned>(*width)};
  c.reply.error("ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.");
  return std::nullopt;
}

std::optional<FieldOverflow> overflow_argument(CommandContext& c, size_t index) {
  if (is_option(c.args[index], "WRAP")) return FieldOverflow::kWrap;
  if (is_option(c.args[index], "SAT")) return FieldOverflow::kSaturate;
  if (is_option(c.args[index], "FAIL")) return FieldOverflow::kFail;
  c.reply.error("ERR Invalid OVERFLOW type specified");
  return std::nullopt;
}

std::optional<FieldOperation::Kind> kind_of(std::string_view word, size_t arguments_after) {
  using enum FieldOperation::Kind;
  if (is_option(word, "GET") && arguments_after >= 2) return kGet;
  if (is_option(word, "SET") && arguments_after >= 3) return kSet;
  if (is_option(word, "INCRBY") && arguments_after >= 3) return kIncrement;
  return std::nullopt;
}

// The operation whose word is at `index`.
std::optional<FieldOperation> operation_argument(CommandContext& c, size_t index, FieldOverflow overflow) {
  const auto kind = kind_of(c.args[index], c.args.size() - index - 1);
  if (!kind) {
    c.reply.error(kSyntaxError);
    return std::nullopt;
  }
  const auto type = type_argument(c, index + 1);
  if (!type) return std::nullopt;
  const auto offset = bit_offset_argument(c, index + 2, type->width);
  if (!offset) return std::nullopt;
  FieldOperation operation{*kind, *type, *offset, 0, overflow};
  if (*kind != FieldOperation::Kind::kGet) {
    const auto operand = integer_argument(c, index + 3);
    if (!operand) return std::nullopt;
    operation.operand = *operand;
  }
  return operation;
}

std::optional<Request> parse_request(CommandContext& c) {
  Request request;
  FieldOverflow overflow = FieldOverflow::kWrap;
  for (size_t i = 2; i < c.args.size();) {
    if (is_option(c.args[i], "OVERFLOW") && i + 1 < c.args.size()) {
      const auto chosen = overflow_argument(c, i + 1);
      if (!chosen) return std::nullopt;
      overflow = *chosen;
      i += 2;
      continue;
    }
    const auto operation = operation_argument(c, i, overflow);
    if (!operation) return std::nullopt;
    request.operations.push_back(*operation);
    const bool writes = operation->kind != FieldOperation::Kind::kGet;
    const store::FieldBytes place = bytes_of_field(operation->type, operation->offset);
    if (writes) request.written_bytes = std::max(request.written_bytes, place.first + place.count);
    i += writes ? 4 : 3;
  }
  return request;
}

// ---- work ----

// A string while its fields are read and written.
class FieldEditor {
 public:
  FieldEditor(CommandContext& c, const BitTarget& target) : c_(c), entry_(target.entry), grown_(target.grown) {}

  int64_t get(const FieldOperation& field) const {
    return read_field(entry_->string().bytes(), field.type, field.offset);
  }
  // Only what changes is written.
  void set(const FieldOperation& field, int64_t before, int64_t value) {
    if (before != value) {
      const auto [first, count] = bytes_of_field(field.type, field.offset);
      write_field(c_.db().writable_range(c_.args[1], first, count), field.type, field.offset, value);
      entry_ = c_.db().find(c_.args[1], store::Lookup::kPeek);
    }
    changes_ += before != value || grown_;
  }
  size_t changes() const { return changes_; }

 private:
  CommandContext& c_;
  const Entry* entry_;
  bool grown_;
  size_t changes_ = 0;
};

// Replies with the field, before a SET and after an INCRBY.
void run_operation(CommandContext& c, FieldEditor& editor, const FieldOperation& field) {
  const int64_t before = editor.get(field);
  if (field.kind == FieldOperation::Kind::kGet) return c.reply.integer(before);
  const bool sets = field.kind == FieldOperation::Kind::kSet;
  const auto value = sets ? fitted(field.type, field.overflow, field.operand)
                          : fitted_sum(field.type, field.overflow, before, field.operand);
  if (!value) return c.reply.null();
  editor.set(field, before, *value);
  c.reply.integer(sets ? before : *value);
}

void read_fields(CommandContext& c, const Request& request) {
  const Entry* entry = c.db().find(c.args[1], c.read_lookup());
  if (entry != nullptr && !is_string(*entry)) return c.reply.error(kWrongType);
  StringView::Scratch scratch;
  const std::string_view text = entry != nullptr ? entry->string().text(scratch) : "";
  c.reply.array(request.operations.size());
  for (const FieldOperation& field : request.operations) c.reply.integer(read_field(text, field.type, field.offset));
}

void write_fields(CommandContext& c, const Request& request) {
  const BitTarget target = prepare_bits(c, request.written_bytes);
  if (target.entry == nullptr) return;
  FieldEditor editor(c, target);
  c.reply.array(request.operations.size());
  for (const FieldOperation& field : request.operations) run_operation(c, editor, field);
  if (editor.changes() == 0) return;
  c.keyspace.add_dirty(editor.changes());
  c.notify(EventClass::kString, "setbit", c.args[1]);
}

void cmd_bitfield(CommandContext& c) {
  const auto request = parse_request(c);
  if (!request) return;
  if (request->written_bytes != 0) return write_fields(c, *request);
  read_fields(c, *request);
}

void cmd_bitfield_ro(CommandContext& c) {
  const auto request = parse_request(c);
  if (!request) return;
  if (request->written_bytes != 0) return c.reply.error("ERR BITFIELD_RO only supports the GET subcommand");
  read_fields(c, *request);
}

// BITFIELD that only reads needs no right to write.
uint16_t bitfield_key_flags(std::span<const std::string_view> args) {
  for (size_t i = 2; i < args.size();) {
    const size_t after = args.size() - i - 1;
    const bool overflow = is_option(args[i], "OVERFLOW") && after >= 1;
    if (!overflow && kind_of(args[i], after) != FieldOperation::Kind::kGet) return kKeyRW | kKeyAccess | kKeyUpdate;
    i += overflow ? 2 : 3;
  }
  return kKeyRO | kKeyAccess;
}

constexpr CommandSpec kSpecs[] = {
    {.name = "bitfield",
     .arity = -2,
     .flags = kWrite | kDenyOom,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyAccess | kKeyUpdate | kKeyVariable,
     .group = "bitmap",
     .since = "3.2.0",
     .complexity = "O(1) for each operation",
     .summary = "Reads, sets and adds to integers of any width that lie at any bit of a key's string.",
     .syntax = "key [operation= GET <get-block= encoding offset:integer> | <write= [OVERFLOW <overflow-block= WRAP | "
               "SAT | FAIL>] <write-operation= SET <set-block= encoding offset:integer value:integer> | INCRBY "
               "<incrby-block= encoding offset:integer increment:integer>>>] ...",
     .handler = cmd_bitfield,
     .categories = "@bitmap",
     .variable_key_flags = bitfield_key_flags},
    {.name = "bitfield_ro",
     .arity = -2,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "bitmap",
     .since = "6.0.0",
     .complexity = "O(1) for each operation",
     .summary = "Reads integers of any width that lie at any bit of a key's string.",
     .syntax = "key [GET <get-block= encoding offset:integer>] ...",
     .handler = cmd_bitfield_ro,
     .categories = "@bitmap"},
};

}  // namespace

std::span<const CommandSpec> bitfield_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
