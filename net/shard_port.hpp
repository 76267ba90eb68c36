// The sockets of one shard: an event loop (epoll) that reads frames, hands operations to the shard in batches, and sends
// their answers once they are durable. One read and one send per connection and wake-up; nothing is allocated per operation.
//
// Lifecycle: made by net/server.hpp before the shard runs; `poll` is called by the shard until it is drained; destroyed
// after the shard's thread has ended.
// Thread: the shard's, except `wake`, `hand_over`, `drain`, `drained` and the counters.
#pragma once

#include "actors/port.hpp"
#include "actors/shard.hpp"
#include "net/operation_codec.hpp"
#include "net/session.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace tally::net {

// What all ports of a server share.
struct server_shared {
  server_limits limits;
  std::uint32_t ports = 1;
  std::atomic<std::uint32_t> connections{0};
  std::atomic<std::uint32_t> refusals{0}; // that are being told so

  std::atomic<std::uint32_t>& counter(bool refused) { return refused ? refusals : connections; }
};

class shard_port final : public actors::port {
public:
  explicit shard_port(server_shared& shared);
  ~shard_port() override;

  // From any thread. The socket is connected and non-blocking; the port owns it from now on. `refused`: only to be told
  // that there are too many.
  void hand_over(int socket, bool refused = false);
  // Accepts connections of this listening socket and gives each to `take`, on the shard's thread. From any thread, once.
  void listen(int listener, std::function<void(int socket)> take);
  // No new connections and operations from now on; what was asked is answered, then connections close. `done` is called
  // once, on the shard's thread, when all are closed. From any thread.
  void drain(std::function<void()> done);

  void poll(actors::shard& owner, std::chrono::steady_clock::time_point wait_until) override;
  void wake() override;
  void answer(const actors::reply_to& to, const outcome& answer, seq_t release_at) override;
  void answer(const actors::reply_to& to, std::unique_ptr<actors::document> answer, seq_t release_at) override;
  void durable(seq_t durable) override;

private:
  using time_point = std::chrono::steady_clock::time_point;
  using bytes_view = std::span<const std::byte>;

  // the loop
  void wait_for_events(time_point wait_until);
  void accept_new();
  void take_handed_over();
  void read_ready();
  void on_tick();
  void check_memory();
  std::size_t output_allowed() const { return std::min(output_bytes_max, allowance_bytes_); }
  void drain_sessions();

  // one connection's input
  void open_session(int socket, bool refused);
  void read(session& from);
  void discard_input(session& from);
  void take_read(session& from, bytes_view in_arena);
  bool take_kept(session& from, bytes_view& more);
  std::size_t take_frames(session& from, bytes_view stream);
  bool take_frame(session& from, bytes_view frame);
  void take_hello(session& from, const wire::hello& hello);
  bool take_ids(session& from, const wire::request& request);
  bool take_operations(session& from, const wire::request& request);
  bool take_operation(session& from, std::uint64_t id, op kind, const void* table);
  void note_half_frame(session& from);
  void refuse(session& from, outcome_status status, std::string what);
  void submit_staged();

  // one connection's output
  session& session_of(const actors::reply_to& to) { return *sessions_[to.connection]; }
  void after_answer(session& to, seq_t release_at);
  void expect_flush(session& of);
  void flush_waiting();
  void flush(session& of);
  void send_released(session& of);
  void resume_if_let(session& of);
  void make_ready(session& of);

  // tails
  void begin_tail(session& of, std::uint64_t id, const command& asked);
  void ask_tails(time_point& wait_until);
  bool ask_tail(session& of, time_point& wait_until);
  bool is_tail(const session& of, std::uint64_t number) const { return of.tail != nullptr && of.tail->number == number; }
  void take_piece(session& of, const actors::document& piece);
  void end_tail(session& of);

  // its end
  void enter(session& of, session::phase next);
  void close_when_done(session& of);
  void drop(session& of);
  void reap();

  server_shared& shared_;
  int epoll_ = -1;
  int wake_event_ = -1;
  int listener_ = -1;
  std::function<void(int)> take_accepted_;
  bool accept_again_ = false; // out of descriptors: on the next tick
  std::chrono::milliseconds tick_{};

  actors::shard* owner_ = nullptr; // during poll
  time_point now_;
  time_point next_tick_;
  std::uint64_t turn_ = 1;
  seq_t durable_;

  std::vector<std::unique_ptr<session>> sessions_; // by index; null: free
  std::vector<std::uint32_t> free_;
  std::uint32_t session_count_ = 0;
  std::vector<session*> ready_;    // to be read
  std::vector<session*> reading_;  // of those, the ones of this turn
  std::vector<session*> waiting_;  // with answers that are not sent
  std::vector<session*> tails_;    // with a tail
  std::vector<session*> finished_; // gone; their memory goes once everything is answered
  bool flush_needed_ = false;      // something may go without waiting for the journal

  // Operations on their way to the shard: their texts are in `arena_` or in a session's input.
  std::unique_ptr<std::byte[]> arena_;
  std::size_t arena_used_ = 0;
  std::array<actors::request, actors::shard::stage_size> staged_;
  std::array<operation_buffer, actors::shard::stage_size> staged_lines_;
  std::size_t staged_count_ = 0;
  flatbuffers::FlatBufferBuilder builder_; // of documents and hellos
  std::string where_;

  std::atomic<bool> sleeping_{false};
  std::atomic<bool> woken_{false};
  std::mutex handed_over_lock_;
  std::vector<std::pair<int, bool>> handed_over_;
  int listener_handed_over_ = -1;
  std::atomic<bool> anything_handed_over_{false};
  std::atomic<bool> draining_{false};
  std::function<void()> drained_; // set before `draining_`, called once
  bool drain_reported_ = false;
  std::size_t allowance_bytes_ = ~std::size_t{0}; // a connection that holds more is not read: memory is short
  time_point drain_until_;
};

} // namespace tally::net
