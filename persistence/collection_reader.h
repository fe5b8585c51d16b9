// Lists, sets, sorted sets and hashes out of RDB, in every form that versions 1 to 11 know: one after the other, as
// they lie there, or in blobs (ziplist, zipmap, intset, listpack).
//
// Whoever keeps them is a CollectionSink, and need not know the forms.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "persistence/distinct_values.h"
#include "persistence/rdb_decoder.h"
#include "persistence/rdb_format.h"
#include "store/listpack.h"
#include "store/string_view.h"

namespace cowslip::persistence {

enum class CollectionKind { kList, kSet, kSortedSet, kHash };

struct CollectionHead {
  CollectionKind kind = CollectionKind::kList;
  RdbType form = RdbType::kList;  // how it lies in the file
  // How many elements are to come, or at least are said to; never more than the input that is left could hold. 0: that
  // is not known.
  uint64_t expected = 0;
  // The members or fields are all different: the reader sees to it. Otherwise the sink has to say so.
  bool distinct = false;
};

// Takes a collection. begin() comes first, once, and is followed by at least one element; then end(). After an Error of
// the reader there is no end(): what has come so far is to be thrown away. The views are valid during the call.
class CollectionSink {
 public:
  virtual ~CollectionSink() = default;
  // A set, hash or sorted set as a whole: a listpack that is as one made here would be. All members or fields are
  // different, numbers are held as numbers, a sorted set is in order. True: it was taken, and nothing else follows.
  // False: element by element, then.
  virtual bool take(const CollectionHead& /*head*/, std::string_view /*listpack*/) { return false; }
  virtual void begin(const CollectionHead& head) = 0;
  virtual void element(const store::StringView& value) = 0;  // of a list, from its head to its tail
  // Of the other kinds. False: that member or field, or one before, has come twice; the reader makes an Error of it.
  virtual bool member(const store::StringView& member) = 0;
  virtual bool scored(const store::StringView& member, double score) = 0;  // in any order; never NaN
  virtual bool field(const store::StringView& field, const store::StringView& value) = 0;
  virtual void end() = 0;
};

// Reads values whose type and key the decoder has read. Keeps its buffers from one to the next. One thread at a time.
//
// Whatever the bytes are, the answer is the collection or an Error (kCorrupt, kIo) that says what is wrong, where, and
// for which key. A blob is checked to its last byte before the first of its elements is handed on. No memory is taken
// for what the data merely announce.
class CollectionReader {
 public:
  explicit CollectionReader(RdbDecoder& decoder) : decoder_(decoder) {}

  static bool reads(uint8_t type);

  // The number of elements, a field with its value being one. 0: there are none, and the sink has not been called;
  // Redis leaves such a key out. REQUIRES: reads(type).
  Result<uint64_t> read(uint8_t type, CollectionSink& sink);
  // That a member or field has come twice in what was read last: for a sink that finds out later.
  std::unexpected<Error> same_twice() const;

 private:
  using ReadElement = Status (CollectionReader::*)();

  Status read_form();
  Status read_each(CollectionKind kind, uint64_t least_bytes, ReadElement read_one);
  Status read_element();
  Status read_member();
  Status read_field();
  Status read_scored_by_text();
  Status read_scored();
  Result<double> read_text_score();

  Status read_ziplist(CollectionKind kind);
  Status read_listpack(CollectionKind kind);
  Status read_intset();
  Status read_zipmap();
  Status read_quicklist();
  Status read_plain_node();
  Status read_quicklist_2();
  template <typename Blob>
  Status take_blob(const Blob& blob, CollectionKind kind);
  template <typename Blob>
  Status take_pairs(const Blob& blob, CollectionKind kind);
  Result<bool> take_whole(std::string_view bytes, CollectionKind kind);
  Result<bool> is_in_order(const store::Listpack& listpack);
  Status take_scored(const store::StringView& member, const store::StringView& score);
  Result<std::string_view> blob();

  void begin(CollectionKind kind, uint64_t expected, bool distinct);
  void add_element(const store::StringView& value);
  Status added(bool is_new);
  Status see(const store::StringView& value);

  RdbDecoder& decoder_;
  // Of the value that is being read.
  CollectionSink* sink_ = nullptr;
  RdbType form_ = RdbType::kList;
  uint64_t count_ = 0;
  bool begun_ = false;

  std::string first_, second_;  // scratch: a member or field, or a blob; a value
  DistinctValues seen_;
};

}  // namespace cowslip::persistence
