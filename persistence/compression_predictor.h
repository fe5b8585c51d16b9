// Whether a string is worth an attempt to compress it.
//
// Problem: an attempt at bytes that do not get shorter costs five times as much as writing them plainly, and most bytes
// that are large in number (random tokens, digests, media, what is compressed already) do not. But which data those are
// changes from value to value, so giving up after failures loses the compressible values between them.
//
// Solution: strings are sorted into classes by size and by looks, and each class learns whether its attempts pay. The
// looks are the number of different bytes among a few dozen that are sampled all over the string: random bytes,
// base64, text, hexadecimal digits and zeros are well apart. A class whose attempts save less than a 32nd is tried the
// more rarely the less they save, down to one in kLongestInterval; a success that saves much brings it back at once.
// What that gains and loses is in docs/decisions/0006-compression-that-pays.md.
//
// The same strings in the same order get the same answers. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cowslip::persistence {

class CompressionPredictor {
 public:
  static constexpr uint32_t kLongestInterval = 64;

  CompressionPredictor();

  // Whether `text` should be tried. After a yes, tell what came of it.
  bool worth_trying(std::string_view text);
  // The last string that was worth trying, of `plain` bytes, became `compressed` bytes; 0: it did not get shorter.
  void tried(size_t plain, size_t compressed);

 private:
  struct Class {
    uint32_t gain;          // what attempts save on average, in 1/kUnit of the plain size, recent ones counting most
    uint32_t interval = 1;  // one string of so many is tried
    uint32_t skipped = 0;   // since the last attempt
  };
  static constexpr size_t kSizes = 16;  // powers of two
  static constexpr size_t kLooks = 9;

  size_t looks(std::string_view text);
  size_t different_bytes(std::string_view text);

  std::array<Class, kSizes * kLooks> classes_;
  Class* last_;
  std::array<uint8_t, 256> seen_{};  // seen_[b] == round_: b was among the samples of this string
  uint8_t round_ = 0;
};

}  // namespace cowslip::persistence
