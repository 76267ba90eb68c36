// Inside a shard: how operations become decisions and decisions become answers. For actors/ only; the world sees
// actors/shard.hpp.
#pragma once

#include "actors/account_actor.hpp"
#include "actors/batches.hpp"
#include "actors/directory.hpp"
#include "actors/inbox.hpp"
#include "actors/parts.hpp"
#include "actors/request_element.hpp"
#include "actors/review_list.hpp"
#include "actors/shard_images.hpp"
#include "actors/shard_messages.hpp"
#include "actors/standstill.hpp"
#include "actors/timer_queue.hpp"
#include "engine/decide.hpp"

#include <array>
#include <atomic>
#include <deque>
#include <functional>

namespace tally::actors {

struct registrar_job;

// One operation on its way through the stages of a batch.
struct staged {
  const command* asked = nullptr;
  origin who;
  merchant* of = nullptr; // null: a merchant that nobody knows yet
  std::uint64_t merchant_hash = 0;
  std::uint64_t hash = 0;           // of the account
  account_actor* account = nullptr; // null: not enrolled
  std::uint64_t personal = 0;       // names the change of personal data that goes with it
};

// Thread: its shard's, except `post`, `wake_for`, `stop`.
class shard_core {
public:
  shard_core(ledger_parts& parts, shard& face, std::uint32_t index);
  ~shard_core();
  shard_core(const shard_core&) = delete;
  shard_core& operator=(const shard_core&) = delete;

  // The shard whose turn it is on this thread, or null.
  static shard_core* current() { return current_; }

  // ---- life
  void run(port& world);
  void turn(port& world, std::chrono::steady_clock::time_point sleep_until);
  void stop();
  void follow(bool follows) { follows_ = follows; }
  bool running() const { return running_.load(std::memory_order_acquire); }
  void post(std::unique_ptr<inbox_message> message);
  // On the journal's thread, after every synced write.
  void wake_for(seq_t durable);

  // ---- what comes in
  void submit(std::span<const request> requests);
  void submit_forwarded(std::span<staged> operations);
  // The operation in `current_request` on that account; called by the account itself.
  void decide_on(account_actor& account);
  void decide_mail(account_actor& account, caf::mailbox_element& what, const command& asked);
  bool is_request(const caf::mailbox_element* element) const { return element == &request_; }

  // ---- what goes out
  // What was decided: as a fixed reply where that can hold it, else as a document.
  void answer_decided(const staged& operation, const outcome& value, seq_t release_at);
  void answer(const origin& who, const outcome& value, seq_t release_at);
  void answer(const origin& who, std::unique_ptr<document> value, seq_t release_at);
  // Answers that another shard or a reader has found for this shard's port.
  void answer_here(const reply_to& to, const outcome& value, seq_t release_at);
  void answer_here(const reply_to& to, std::unique_ptr<document> value, seq_t release_at);
  // An operation of this port that somebody else will answer; and that it was.
  void expect_answer() { ++outstanding_; }
  void settled_elsewhere() { --outstanding_; }
  // Runs `act` once everything up to `seq` is on disk; in the order of the calls.
  void when_durable(seq_t seq, std::function<void()> act);

  // ---- for the other files of actors/
  ledger_parts& parts() { return parts_; }
  std::uint32_t index() const { return index_; }
  instant refreshed_now() { return now_ = parts_.now(); }
  instant now() const { return now_; }
  void publish_program(program_publication& publication);
  timer_queue<account_actor>& timers() { return timers_; }
  review_index& reviews() { return reviews_; }
  // Journals one entry that is stamped already.
  void add_entry(entry& made, const merchant& of, std::string_view account);
  void hand_over() { batches_.hand_over(*parts_.journal, index_); }
  std::size_t open_bytes() const { return batches_.open_bytes(); }
  standstill& standing() { return standstill_; } // of shard 0
  void park();
  void unpark();
  decision_context context_for(const merchant* of, instant now);
  account_view view_of_account(const account_actor& account);
  seq_t release_of(const account_actor& account, const program* active) const;
  // The account, brought back from disk if need be; null: it is not enrolled.
  account_actor* find(const merchant& of, std::uint64_t hash, std::string_view account);
  account_actor* find_resident(const merchant& of, std::uint64_t hash, std::string_view account) const;
  // To be called after an account got new entries.
  void changed(account_actor& account);

  // ---- for the registrar: actors/shard_personal.cpp
  void look_up(std::shared_ptr<registrar_job> job);
  void decide_registered(std::shared_ptr<registrar_job> job);

  // ---- recovery and accounting, while nobody runs
  account_actor& add_account(merchant& of, std::uint64_t hash, std::string_view account);
  directory<account_actor>& accounts() { return accounts_; }
  const directory<account_actor>& accounts() const { return accounts_; }
  shard_images& images() { return images_; }
  wal::journal_reader& reader();
  void queue_timers();
  void index_reviews();
  std::size_t memory_bytes() const;
  void retire_accounts();
  void forget_mail();

private:
  // stages
  bool accept(staged& operation);
  void locate(staged& operation);
  void forward(const staged& operation);
  void decide_all(std::span<staged> operations);
  void deliver(staged& operation);
  void decide_unknown(const staged& operation);
  void enroll(const staged& operation);
  void for_ledger(const staged& operation);

  // two accounts, and reviews: actors/shard_transfers.cpp, actors/shard_reviews.cpp
  bool ask_standstill(const staged& operation);
  void transfer(staged operation);
  void commit_transfer(const staged& operation, account_actor* from, account_actor* to);
  void find_review(const staged& operation);
  void list_reviews(const staged& operation);

  // phones: actors/shard_personal.cpp
  bool find_by_phone(staged& operation);
  void ask_registrar(const staged& operation);
  void make_account(std::shared_ptr<registrar_job> job, seq_t of, int taken);
  void give_back_decided(std::shared_ptr<registrar_job> job, const staged& operation, seq_t release_at);

  // one decision; the outcome is in `decision_`, and what is returned is when it may be told
  seq_t decide_for(account_actor& account, const staged& operation);
  seq_t decide_enrolment(staged& operation);
  seq_t commit_enrolment(const staged& operation, const program* active);
  bool stamp(decision_context& context);
  void commit(account_actor& account, const merchant& of);
  void finish(const origin& who, const merchant* of, const account_state& state);
  std::span<const entry> read_group(seq_t first);
  void settle_due(account_actor& account);

  // reads
  void read(const staged& operation);
  void read_account(const staged& operation);
  void send_to_reader(const staged& operation, seq_t after);
  void show_program(const staged& operation);
  void show_programs(const staged& operation);
  void show_digest(const staged& operation);
  void show_liability(const staged& operation);
  void show_tail_piece(const staged& operation);

  // a turn
  void poll(port& world, std::chrono::steady_clock::time_point sleep_until);
  void drain_inbox();
  void take(std::unique_ptr<inbox_message> message);
  void fire_due();
  void send_outgoing();
  void let_go();
  bool at_rest() const;

  inline static constinit thread_local shard_core* current_ = nullptr;
  class turn_scope;

  ledger_parts& parts_;
  shard& face_;
  const std::uint32_t index_;
  port* world_ = nullptr;
  instant now_;

  shard_images images_;
  account_slabs slabs_;
  directory<account_actor> accounts_;
  timer_queue<account_actor> timers_;
  batches batches_;
  std::unique_ptr<wal::journal_reader> reader_;
  review_index reviews_;

  request_element request_;
  staged* current_request_ = nullptr;
  decision decision_;
  std::function<std::span<const entry>(seq_t)> read_group_;
  spilled_search find_spilled_;
  lots_reader read_lots_;
  std::array<staged, shard::stage_size> stage_;
  // Operations of this stage under the account that their phone named.
  struct found_command {
    found_command(std::string its_account, const command& its_command) : account(std::move(its_account)), asked(its_command) {}
    std::string account;
    command asked;
  };
  std::deque<found_command> found_;

  std::vector<std::unique_ptr<forwarded_requests>> outgoing_requests_; // by shard
  std::vector<std::unique_ptr<forwarded_answers>> outgoing_answers_;

  struct deferred {
    seq_t seq;
    std::function<void()> act;
  };
  std::deque<deferred> deferred_; // by rising seq
  seq_t told_durable_;
  seq_t last_release_;          // the highest seq an answer waits for
  std::size_t outstanding_ = 0; // this port's operations that others are working on

  standstill standstill_;
  inbox inbox_;
  inbox_message* stash_ = nullptr; // what came in while parked, oldest first
  inbox_message* stash_last_ = nullptr;
  bool parked_ = false;
  bool follows_ = false; // the port is to hear of everything that becomes durable
  bool polled_ = false;  // since it was parked last
  bool quiet_ = false;

  alignas(64) std::atomic<bool> sleeping_{false};
  std::atomic<std::uint64_t> awaited_{0}; // while sleeping: wake when this seq is durable
  std::atomic<bool> stopping_{false};
  std::atomic<bool> running_{false};
};

} // namespace tally::actors
