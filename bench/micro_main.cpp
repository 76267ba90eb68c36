// Micro benchmarks of every stage that an operation passes, each alone and in one thread: ns per operation is the column to
// read. What they add up to, and what the whole server makes of it, is in docs/benchmarks.md.
#include "actors/directory.hpp"
#include "bench/ceiling.hpp"
#include "bench/request_writer.hpp"
#include "bench/workload.hpp"
#include "engine/decide.hpp"
#include "engine/hash.hpp"
#include "engine/rules_toml.hpp"
#include "net/frame.hpp"
#include "net/operation_codec.hpp"
#include "net/reply_frame.hpp"
#include "wal/block.hpp"
#include "wal/rocksdb_journal.hpp"

#include <benchmark/benchmark.h>

#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <vector>

namespace tally::bench {
namespace {

constexpr std::uint32_t million = 1'000'000;
constexpr std::size_t frame_operations = 64;
constexpr instant noon{1'700'000'000'000'000};

// Operations per second and, inverted, the time of one.
void report_operations(benchmark::State& state, std::size_t per_iteration = 1) {
  const auto operations = static_cast<double>(state.iterations()) * static_cast<double>(per_iteration);
  state.SetItemsProcessed(static_cast<std::int64_t>(operations));
  state.counters["s/op"] = benchmark::Counter(operations, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

const program& benchmark_program() {
  static const program made = [] {
    program p;
    p.version = 1;
    p.applied_seq = seq_t{1};
    auto rules = read_rules("merchant = \"bench\"\n[enroll]\nopening_points = 100\n[earn]\npoints = \"1\"\nper = \"1.00\"\n"
                            "[redeem]\npoints = 100\nvalue = \"1.00\"\n",
                            [](std::string_view, std::int64_t) { return std::optional<std::int64_t>{0}; });
    p.rules = std::get<ruleset>(std::move(rules));
    return p;
  }();
  return made;
}

// The engine driven as a shard drives it, without anything around.
class bare_engine {
public:
  explicit bare_engine(std::uint32_t accounts) : states_(accounts) {
    for (account_state& one : states_) {
      command enroll;
      enroll.kind = op::enroll;
      run(one, enroll);
    }
  }

  account_state& state(std::size_t i) { return states_[i]; }
  const decision& decided() const { return decided_; }

  const decision& run(account_state& state, command& asked) {
    asked.merchant = "bench";
    asked.account = "m-0000001";
    decision_context context;
    context.active = &benchmark_program();
    context.now = now_ = now_.plus_us(1);
    context.next_seq = next_seq_;
    decide(state, asked, context, decided_);
    for (entry& made : decided_.entries) {
      made.at = now_;
      apply(state, made);
    }
    next_seq_ = next_seq_.plus(decided_.entries.size());
    return decided_;
  }

private:
  std::vector<account_state> states_;
  decision decided_;
  seq_t next_seq_{2};
  instant now_ = noon;
};

command earn_of(std::string_view order, std::int64_t units = 425'000) {
  command earn;
  earn.kind = op::earn;
  earn.order = order;
  earn.total = money_t{units};
  return earn;
}

// An order reference that is spelled by changing its last 8 bytes.
class order_spelling {
public:
  std::string_view next() {
    std::uint64_t number = ++number_;
    for (std::size_t i = text_.size(); number != 0; number >>= 5)
      text_[--i] = "0123456789abcdefghijklmnopqrstuv"[number & 31];
    return text_;
  }

private:
  std::uint64_t number_ = 0;
  std::string text_ = "o-000000000000";
};

void decide_and_apply_earn(benchmark::State& state) {
  const auto accounts = static_cast<std::uint32_t>(state.range(0));
  bare_engine engine(accounts);
  const account_state fresh = engine.state(0);
  random_source random(1);
  order_spelling orders;
  std::size_t round = 0;
  for (auto _ : state) {
    account_state& who = engine.state(random.below(accounts));
    if (accounts == 1 && ++round % 8 == 0)
      who = fresh; // a member has a handful of recent orders, not millions
    command earn = earn_of(orders.next());
    benchmark::DoNotOptimize(engine.run(who, earn).outcome.available);
  }
  report_operations(state);
}
BENCHMARK(decide_and_apply_earn)->Arg(1)->Arg(million);

void decide_and_apply_redeem(benchmark::State& state) {
  const auto accounts = static_cast<std::uint32_t>(state.range(0));
  bare_engine engine(accounts);
  const account_state fresh = engine.state(0);
  random_source random(1);
  order_spelling orders;
  std::size_t round = 0;
  for (auto _ : state) {
    account_state& who = engine.state(random.below(accounts));
    if (accounts == 1 && ++round % 8 == 0)
      who = fresh;
    command redeem;
    redeem.kind = op::redeem;
    redeem.order = orders.next();
    redeem.amount_points = points_t{1};
    benchmark::DoNotOptimize(engine.run(who, redeem).outcome.available);
  }
  report_operations(state);
}
BENCHMARK(decide_and_apply_redeem)->Arg(1)->Arg(million);

// An account that has so many orders and has spent none of their points: earns, and redeems now and then.
void decide_and_apply_on_large_account(benchmark::State& state) {
  bare_engine engine(1);
  order_spelling orders;
  const auto run = [&](op kind) {
    command asked = kind == op::earn ? earn_of(orders.next()) : command();
    asked.kind = kind;
    if (kind == op::redeem) {
      asked.order = orders.next();
      asked.amount_points = points_t{1};
    }
    benchmark::DoNotOptimize(engine.run(engine.state(0), asked).outcome.available);
  };
  for (std::int64_t i = 0; i < state.range(0); ++i)
    run(op::earn);
  std::size_t round = 0;
  for (auto _ : state)
    run(++round % 8 == 0 ? op::redeem : op::earn);
  report_operations(state);
}
BENCHMARK(decide_and_apply_on_large_account)->Arg(100)->Arg(10'000)->Arg(100'000)->Iterations(20'000);

// An earn's entry as the engine makes it.
class sample_entry {
public:
  sample_entry() : engine_(1) {
    command earn = earn_of("o-000000000001");
    made_ = engine_.run(engine_.state(0), earn).entries.front();
    made_.merchant = 1;
  }
  entry& get() { return made_; }

private:
  bare_engine engine_;
  entry made_;
};

void encode_entry(benchmark::State& state) {
  sample_entry sample;
  wal::bytes out;
  for (auto _ : state) {
    if (out.size() > wal::block_bytes_target)
      out.clear();
    wal::encode(sample.get(), out);
    benchmark::DoNotOptimize(out.data());
  }
  wal::bytes one;
  wal::encode(sample.get(), one);
  state.counters["bytes"] = static_cast<double>(one.size());
  report_operations(state);
}
BENCHMARK(encode_entry);

void decode_entry(benchmark::State& state) {
  sample_entry sample;
  wal::bytes bytes;
  wal::encode(sample.get(), bytes);
  wal::decode_buffer buffer;
  entry read;
  for (auto _ : state) {
    std::span<const std::byte> in = bytes;
    if (!wal::decode(in, sample.get().seq, noon, buffer, read))
      state.SkipWithError("an encoded entry does not decode");
    benchmark::DoNotOptimize(read.points);
  }
  report_operations(state);
}
BENCHMARK(decode_entry);

// Entries numbered from `first`, as a shard hands them over.
wal::batch batch_of(sample_entry& sample, seq_t first, std::size_t count) {
  wal::batch made;
  for (std::size_t i = 0; i < count; ++i) {
    sample.get().seq = sample.get().group = first.plus(i);
    sample.get().at = noon;
    sample.get().prev_seq = seq_t{};
    for (lot_change& change : sample.get().lots)
      change.lot = sample.get().seq;
    made.add(sample.get());
  }
  return made;
}

// Gathering, checksum and hash of one block of the journal's size.
void build_block(benchmark::State& state) {
  sample_entry sample;
  std::size_t count = 0;
  wal::batch ready;
  while (ready.records.size() < wal::block_bytes_target)
    ready = batch_of(sample, seq_t{1}, count += 64);
  wal::block_builder builder;
  wal::block_hash hash{};
  for (auto _ : state) {
    builder.start(seq_t{1}, hash);
    for (const wal::run& run : ready.runs)
      builder.add(run, ready.records);
    benchmark::DoNotOptimize(builder.finish(hash).data());
  }
  report_operations(state, count);
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * ready.records.size()));
}
BENCHMARK(build_block);

class scratch_folder {
public:
  scratch_folder() {
    std::string name = (std::filesystem::current_path() / "tally-microbench-XXXXXX").string();
    TALLY_ASSERT(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

// One batch handed over and waited for: what a shard's turn costs when nothing else is going on.
void commit_to_journal(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const scratch_folder scratch;
  wal::journal_options options;
  options.folder = scratch.path() / "journal";
  options.sync = state.range(1) != 0;
  auto journal = wal::rocksdb_journal::open(options);
  if (!journal) {
    state.SkipWithError(journal.error().what.c_str());
    return;
  }
  std::atomic<std::uint64_t> durable = 0; // outlives the journal's thread: `stop` is below
  (*journal)->start(1, [&durable](seq_t reached) {
    durable.store(reached.value);
    durable.notify_one();
  });
  sample_entry sample;
  seq_t next{1};
  for (auto _ : state) {
    state.PauseTiming();
    const wal::batch ready = batch_of(sample, next, count);
    next = next.plus(count);
    state.ResumeTiming();
    (*journal)->append(0, ready);
    for (std::uint64_t seen = durable; seen < ready.last_seq.value; seen = durable)
      durable.wait(seen);
  }
  (*journal)->stop();
  report_operations(state, count);
}
BENCHMARK(commit_to_journal)->ArgNames({"entries", "sync"})->ArgsProduct({{1, 64, 1024, 8192}, {0, 1}})->UseRealTime();

// The frame a flood sends: 64 operations of the usual mix.
std::vector<std::uint64_t> sample_frame(std::size_t operations, std::size_t& size) {
  const request_writer writer("bench", operations);
  workload work(workload_options{});
  std::vector<operation> asked(operations);
  for (operation& one : asked)
    one = work.next();
  std::vector<std::uint64_t> aligned(writer.bytes_max(operations) / 8 + 1);
  size = writer.write(asked, 1, reinterpret_cast<std::byte*>(aligned.data()));
  return aligned;
}

void verify_and_decode_request(benchmark::State& state) {
  const auto operations = static_cast<std::size_t>(state.range(0));
  std::size_t size = 0;
  const std::vector<std::uint64_t> aligned = sample_frame(operations, size);
  const net::frame_bytes frame{reinterpret_cast<const std::byte*>(aligned.data()), size};
  net::operation_buffer buffer;
  command read;
  for (auto _ : state) {
    const wire::frame* verified = net::verify_request_frame(frame);
    if (verified == nullptr) {
      state.SkipWithError("the frame does not verify");
      break;
    }
    const wire::request* request = verified->body_as_request();
    for (std::uint32_t i = 0; i < request->operations()->size(); ++i) {
      const auto kind = static_cast<op>(request->operations_type()->Get(i));
      net::decode_operation(kind, request->operations()->GetAs<void>(i), buffer, read);
      benchmark::DoNotOptimize(read.account.data());
    }
  }
  report_operations(state, operations);
  state.counters["bytes"] = static_cast<double>(size) / static_cast<double>(operations);
}
BENCHMARK(verify_and_decode_request)->Arg(1)->Arg(frame_operations);

void append_reply(benchmark::State& state) {
  std::vector<std::byte> frame(net::reply_frame_head_bytes + frame_operations * net::reply_bytes);
  outcome answer;
  answer.kind = op::earn;
  answer.seq = seq_t{1234};
  answer.points = points_t{42};
  for (auto _ : state) {
    net::begin_reply_frame(frame.data());
    for (std::size_t i = 0; i < frame_operations; ++i) {
      if (!net::fits_reply(answer))
        state.SkipWithError("an earn fits");
      const wire::reply reply = net::make_reply(i, answer);
      std::memcpy(frame.data() + net::reply_frame_head_bytes + i * net::reply_bytes, &reply, net::reply_bytes);
    }
    net::set_reply_count(frame.data(), frame_operations);
    benchmark::DoNotOptimize(frame.data());
    benchmark::ClobberMemory();
  }
  report_operations(state, frame_operations);
}
BENCHMARK(append_reply);

// Hash and find, ids in random order; in stages of 64 with a prefetch as a shard does it, and one by one.
void find_in_directory(benchmark::State& state) {
  struct member {
    char id[16];
  };
  std::vector<member> members(million);
  actors::directory<member> members_by_id;
  for (std::uint32_t i = 0; i < million; ++i) {
    const std::string id = account_id(i);
    std::memcpy(members[i].id, id.data(), id.size());
    members_by_id.insert(hash64(id), &members[i]);
  }
  const bool staged = state.range(0) != 0;
  const std::size_t id_size = account_id(0).size();
  std::vector<std::string> asked;
  random_source random(1);
  for (std::size_t i = 0; i < million; ++i)
    asked.push_back(account_id(random.below(million)));
  std::size_t at = 0;
  std::uint64_t hashes[frame_operations];
  for (auto _ : state) {
    at = at + frame_operations > asked.size() ? 0 : at;
    for (std::size_t i = 0; i < frame_operations; ++i) {
      hashes[i] = hash64(asked[at + i]);
      if (staged)
        members_by_id.prefetch(hashes[i]);
    }
    for (std::size_t i = 0; i < frame_operations; ++i)
      benchmark::DoNotOptimize(
          members_by_id.find(hashes[i], [&](const member& m) { return std::string_view(m.id, id_size) == asked[at + i]; }));
    at += frame_operations;
  }
  report_operations(state, frame_operations);
}
BENCHMARK(find_in_directory)->ArgName("prefetch")->Arg(0)->Arg(1);

void bare_hash_table_earn(benchmark::State& state) {
  constexpr std::size_t orders_max = 4 * million; // then the ledger starts anew, untimed
  auto ledger = std::make_unique<bare_ledger>(million, orders_max);
  for (std::uint32_t i = 0; i < million; ++i)
    ledger->run(op::enroll, account_id(i), {}, {}, 0);
  std::vector<std::string> asked;
  random_source random(1);
  for (std::size_t i = 0; i < million; ++i)
    asked.push_back(account_id(random.below(million)));
  order_spelling orders;
  std::size_t at = 0, earned = 0;
  for (auto _ : state) {
    if (++earned == orders_max) {
      state.PauseTiming();
      earned = 0;
      ledger = std::make_unique<bare_ledger>(million, orders_max);
      state.ResumeTiming();
    }
    at = at + 1 == asked.size() ? 0 : at + 1;
    benchmark::DoNotOptimize(ledger->run(op::earn, asked[at], orders.next(), {}, 425'000));
  }
  report_operations(state);
}
BENCHMARK(bare_hash_table_earn);

// What the load generator itself costs an operation, without its sockets.
void generate_frame(benchmark::State& state) {
  const request_writer writer("bench", frame_operations);
  workload work(workload_options{});
  std::vector<operation> asked(frame_operations);
  std::vector<std::byte> out(writer.bytes_max(frame_operations));
  for (auto _ : state) {
    for (operation& one : asked)
      one = work.next();
    benchmark::DoNotOptimize(writer.write(asked, 1, out.data()));
  }
  report_operations(state, frame_operations);
}
BENCHMARK(generate_frame);

} // namespace
} // namespace tally::bench

BENCHMARK_MAIN();
