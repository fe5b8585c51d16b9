#include "base/random.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <bit>
#include <cassert>
#include <cerrno>
#include <iterator>

#include "base/clock.h"

namespace cowslip {
namespace {

uint64_t splitmix64(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) word = splitmix64(seed);
}

uint64_t Random::next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

// Lemire's method: the high word of a 128-bit product, drawn again in the rare case that would favour some results.
uint64_t Random::below(uint64_t bound) {
  assert(bound > 0);
  __extension__ using Wide = unsigned __int128;
  Wide product = Wide{next()} * bound;
  if (static_cast<uint64_t>(product) < bound) {
    const uint64_t surplus = (0 - bound) % bound;
    while (static_cast<uint64_t>(product) < surplus) product = Wide{next()} * bound;
  }
  return static_cast<uint64_t>(product >> 64);
}

double Random::unit() {
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

uint64_t os_random_u64() {
  uint64_t bits = 0;
  ssize_t got = 0;
  do {
    got = ::getrandom(&bits, sizeof(bits), 0);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof(bits)) return bits;
  // Only a sandbox that forbids the call gets here. The callers need values that differ, not secrets.
  static const char here = 0;
  const SystemClock clock;
  uint64_t seed = static_cast<uint64_t>(clock.unix_us()) ^ (static_cast<uint64_t>(clock.monotonic_us()) << 32) ^
                  (static_cast<uint64_t>(::getpid()) << 20) ^ reinterpret_cast<uintptr_t>(&here);
  return splitmix64(seed);
}

std::string os_random_hex(size_t bytes) {
  std::string text;
  text.reserve(bytes * 2 + 16);
  while (text.size() < bytes * 2) fmt::format_to(std::back_inserter(text), "{:016x}", os_random_u64());
  text.resize(bytes * 2);
  return text;
}

}  // namespace cowslip
