// CRC-64/Jones (reflected, polynomial 0xad93d23594c935a9, initial value 0), the checksum of RDB files and DUMP
// payloads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace cowslip {

// The checksum of what had the checksum `crc`, followed by `data`. Uses carry-less multiplication (PCLMULQDQ) where the
// CPU has it, slicing tables otherwise. Thread-safe.
uint64_t crc64(uint64_t crc, std::span<const std::byte> data);
inline uint64_t crc64(uint64_t crc, std::string_view data) {
  return crc64(crc, std::as_bytes(std::span(data)));
}

namespace internal {
// The two implementations, exposed so that tests and benchmarks can compare them.
uint64_t crc64_tables(uint64_t crc, std::span<const std::byte> data);
bool crc64_has_clmul();
uint64_t crc64_clmul(uint64_t crc, std::span<const std::byte> data);  // REQUIRES: crc64_has_clmul()
}  // namespace internal

}  // namespace cowslip
