// See answer_queue.hpp.
#include "net/answer_queue.hpp"

#include "net/reply_frame.hpp"

namespace tally::net {

std::uint64_t answer_queue::expect(std::uint64_t id, std::uint32_t weight) {
  if (in_flight() == slots_.size())
    grow_slots();
  slot& place = slot_of(next_);
  place.id = id;
  place.weight = weight;
  place.answered = false;
  weight_ += weight;
  ++unanswered_;
  return next_++;
}

void answer_queue::grow_slots() {
  std::vector<slot> larger(slots_.empty() ? 4 : slots_.size() * 2);
  for (std::uint64_t number = first_; number != next_; ++number)
    larger[number & (larger.size() - 1)] = std::move(slot_of(number));
  slots_ = std::move(larger);
}

void answer_queue::answer(std::uint64_t number, const outcome& answer, seq_t release_at, std::uint64_t turn) {
  TALLY_ASSERT(number >= first_ && number < next_ && !slot_of(number).answered, static_cast<long long>(number),
               static_cast<long long>(first_), static_cast<long long>(next_));
  --unanswered_;
  slot& place = slot_of(number);
  const wire::reply reply = make_reply(place.id, answer);
  if (is_next(number)) {
    write(reply, release_at, turn);
    pass_first();
    write_parked(turn);
    return;
  }
  place.answered = true;
  place.reply = reply;
  place.release_at = release_at;
}

void answer_queue::answer(std::uint64_t number, frame_bytes document, seq_t release_at, std::uint64_t turn) {
  TALLY_ASSERT(number >= first_ && number < next_ && !slot_of(number).answered, static_cast<long long>(number),
               static_cast<long long>(first_), static_cast<long long>(next_));
  --unanswered_;
  if (is_next(number)) {
    write(document, release_at, turn);
    pass_first();
    write_parked(turn);
    return;
  }
  slot& place = slot_of(number);
  place.answered = true;
  place.document.assign(document.begin(), document.end());
  place.release_at = release_at;
  parked_bytes_ += document.size();
}

void answer_queue::part(std::uint64_t number, frame_bytes frame, std::uint64_t turn) {
  TALLY_ASSERT(is_next(number) && !slot_of(number).answered, static_cast<long long>(number), static_cast<long long>(first_));
  write(frame, seq_t{}, turn);
}

void answer_queue::end_parts(std::uint64_t number, std::uint64_t turn) {
  TALLY_ASSERT(is_next(number) && !slot_of(number).answered, static_cast<long long>(number), static_cast<long long>(first_));
  --unanswered_;
  pass_first();
  write_parked(turn);
}

void answer_queue::trim() {
  if (in_flight() == 0)
    std::vector<slot>().swap(slots_);
  if (output_.empty())
    output_.release();
}

void answer_queue::say(frame_bytes frame) { write(frame, seq_t{}, 0); }

void answer_queue::pass_first() {
  weight_ -= slot_of(first_).weight;
  ++first_;
}

void answer_queue::write_parked(std::uint64_t turn) {
  while (first_ != next_ && slot_of(first_).answered) {
    slot& place = slot_of(first_);
    if (place.document.empty()) {
      write(place.reply, place.release_at, turn);
    } else {
      write(place.document, place.release_at, turn);
      parked_bytes_ -= place.document.size();
      std::vector<std::byte>().swap(place.document);
    }
    place.answered = false;
    pass_first();
  }
}

void answer_queue::write(const wire::reply& reply, seq_t release_at, std::uint64_t turn) {
  extend_segment(release_at, turn);
  if (frame_replies_ == 0) {
    frame_begin_ = output_end();
    begin_reply_frame(output_.reserve(reply_frame_head_bytes + reply_bytes));
    output_.grow(reply_frame_head_bytes);
  }
  std::memcpy(output_.reserve(reply_bytes), &reply, reply_bytes);
  output_.grow(reply_bytes);
  ++frame_replies_;
  set_reply_count(output_.data() + (frame_begin_ - output_begin_), frame_replies_);
  if (frame_replies_ == replies_per_frame_max)
    frame_replies_ = 0;
  segments_.back().end = output_end();
}

void answer_queue::write(frame_bytes frame, seq_t release_at, std::uint64_t turn) {
  extend_segment(release_at, turn);
  frame_replies_ = 0;
  output_.append(frame);
  segments_.back().end = output_end();
}

// Answers leave in their order, so each waits for the latest seq of all before it. A frame never spans two segments.
void answer_queue::extend_segment(seq_t release_at, std::uint64_t turn) {
  if (first_segment_ == segments_.size()) {
    segments_.clear();
    first_segment_ = 0;
    segments_.push_back({release_at, turn, 0});
    frame_replies_ = 0;
    return;
  }
  segment& last = segments_.back();
  const seq_t latest = std::max(last.release_at, release_at);
  if (last.turn == turn) {
    last.release_at = latest;
    return;
  }
  segments_.push_back({latest, turn, 0});
  frame_replies_ = 0;
}

std::span<const std::byte> answer_queue::sendable(seq_t durable) {
  while (first_segment_ < segments_.size() && segments_[first_segment_].release_at <= durable)
    released_ = segments_[first_segment_++].end;
  if (first_segment_ >= 64 && first_segment_ * 2 >= segments_.size()) { // never empty under a steady load
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(first_segment_));
    first_segment_ = 0;
  }
  if (released_ <= output_begin_)
    return {};
  return output_.bytes().first(static_cast<std::size_t>(released_ - output_begin_));
}

void answer_queue::sent(std::size_t bytes) {
  output_.drop(bytes);
  output_begin_ += bytes;
}

} // namespace tally::net
