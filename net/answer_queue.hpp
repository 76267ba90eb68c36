// What one connection is owed: its operations in their order, and the bytes of their answers in the same order, each to be
// let go only when the journal is durable up to a seq. Answers may come in any order; those that come in theirs are
// written straight behind the last. Knows nothing of sockets.
// Thread: its shard's.
#pragma once

#include "engine/outcome.hpp"
#include "net/byte_buffer.hpp"
#include "net/frame.hpp"

#include <cstdint>
#include <vector>

namespace tally::net {

class answer_queue {
public:
  // The next operation of the connection; its number (0, 1, 2 ...) names it here. `id` is the client's.
  std::uint64_t expect(std::uint64_t id, std::uint32_t weight);
  std::uint64_t id_of(std::uint64_t number) const { return slot_of(number).id; }

  // The answer to it. All answers of one turn of the shard are let go together: their entries reach the disk together.
  void answer(std::uint64_t number, const outcome& answer, seq_t release_at, std::uint64_t turn);
  void answer(std::uint64_t number, frame_bytes document, seq_t release_at, std::uint64_t turn);
  // The oldest operation is a tail: one more frame of its answer, and that nothing more comes.
  void part(std::uint64_t number, frame_bytes frame, std::uint64_t turn);
  void end_parts(std::uint64_t number, std::uint64_t turn);
  // Bytes that answer nothing (the hello), before any operation.
  void say(frame_bytes frame);

  std::uint64_t in_flight() const { return next_ - first_; } // operations whose answer is not written yet
  std::uint32_t weight() const { return weight_; }           // of those
  std::uint64_t unanswered() const { return unanswered_; }   // operations that nobody answered yet
  std::size_t output_bytes() const { return output_.size() + parked_bytes_; }
  // What all of this takes, and giving back what an idle connection does not need.
  std::size_t memory_bytes() const { return output_.capacity() + parked_bytes_ + slots_.capacity() * sizeof(slot); }
  void trim();
  bool output_empty() const { return output_.empty(); }
  bool empty() const { return in_flight() == 0 && output_.empty(); }

  // What may be sent now.
  std::span<const std::byte> sendable(seq_t durable);
  void sent(std::size_t bytes);

private:
  struct slot {
    std::uint64_t id = 0;
    seq_t release_at;
    std::uint32_t weight = 0;
    bool answered = false; // out of its order: parked below
    wire::reply reply;
    std::vector<std::byte> document; // instead of `reply` if not empty
  };
  struct segment {
    seq_t release_at;
    std::uint64_t turn = 0;
    std::uint64_t end = 0; // in bytes of the whole connection
  };

  slot& slot_of(std::uint64_t number) { return slots_[number & (slots_.size() - 1)]; }
  const slot& slot_of(std::uint64_t number) const { return slots_[number & (slots_.size() - 1)]; }
  void grow_slots();
  bool is_next(std::uint64_t number) const { return number == first_; }
  void write_parked(std::uint64_t turn);
  void pass_first();
  void write(const wire::reply& reply, seq_t release_at, std::uint64_t turn);
  void write(frame_bytes frame, seq_t release_at, std::uint64_t turn);
  void extend_segment(seq_t release_at, std::uint64_t turn);
  std::uint64_t output_end() const { return output_begin_ + output_.size(); }

  std::vector<slot> slots_; // a ring, its size a power of two
  std::uint64_t first_ = 0; // the operation whose answer is written next
  std::uint64_t next_ = 0;  // the number of the next operation
  std::uint64_t unanswered_ = 0;
  std::uint32_t weight_ = 0;
  std::size_t parked_bytes_ = 0;

  byte_buffer output_;
  std::uint64_t output_begin_ = 0; // how much was sent
  std::uint64_t released_ = 0;     // up to where it may be sent
  std::vector<segment> segments_;  // behind `released_`, by rising seq and end
  std::size_t first_segment_ = 0;
  std::uint64_t frame_begin_ = 0;   // the reply frame that is still open
  std::uint32_t frame_replies_ = 0; // in it; 0: none is open
};

} // namespace tally::net
