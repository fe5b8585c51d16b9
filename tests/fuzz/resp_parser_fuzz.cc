// Any bytes, in any pieces, give the commands and the error they give at once; the pieces come from the input too.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tests/unit/protocol/parsed_stream.h"

using namespace cowslip::protocol;

// The input: one byte of options, one byte of piece sizes' count, the sizes, the stream.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  ParserLimits limits;
  limits.authenticated = (data[0] & 1) != 0;
  if (data[0] & 2) limits.max_inline_bytes = 32;
  if (data[0] & 4) limits.max_bulk_bytes = 100;
  const size_t pieces = std::min<size_t>(data[1] % 16, size - 2);
  const uint8_t* const sizes = data + 2;
  const std::string_view stream(reinterpret_cast<const char*>(sizes + pieces), size - 2 - pieces);

  size_t next = 0;
  const auto next_piece = [&]() -> size_t { return pieces == 0 ? 1 : sizes[next++ % pieces]; };
  const ParsedStream whole = parse_whole(stream, limits);
  if (parse_in_pieces(stream, limits, next_piece) != whole) std::abort();
  return 0;
}
