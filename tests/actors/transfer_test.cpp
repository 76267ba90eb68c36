// Transfers: between accounts of one shard and of two, alone and with everything else going on.
#include "actors/shard_core.hpp"
#include "tests/actors/running_ledger.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace tally::actors {
namespace {

using enum outcome_status;

std::vector<entry> entries_of(running_ledger& tally, std::string_view account, entry_list& kept) {
  command asked = read_of(op::history, account);
  asked.limit = 1000;
  const scripted_answer got = tally.call(asked);
  for (const entry& each : got.shown->entries.entries())
    kept.add(each);
  return kept.entries();
}

std::int64_t available_of(running_ledger& tally, std::string_view account, std::size_t port = 0) {
  return tally.call(read_of(op::account, account), port).shown->view->available.value;
}

// From and to: on one shard, on two without shard 0, to shard 0, from shard 0.
struct places {
  std::uint32_t shards, from, to;
};

class transfers : public testing::TestWithParam<places> {};

TEST_P(transfers, move_points_and_their_expiry_as_one_group) {
  temporary_folder folder;
  std::vector<std::string> live;
  std::string from, to;
  {
    running_ledger tally(options_for(folder, GetParam().shards, new_year));
    ASSERT_EQ(tally.call(put_of("merchant = \"beanhouse\"\n[earn]\npoints = \"1\"\nper = \"1.00\"\nexpire_days = 30\n")).head.status, ok);
    const std::vector<std::string> names = tally.names_on({GetParam().from, GetParam().to});
    from = names[0], to = names[1];
    tally.call(enroll_of(from));
    tally.call(enroll_of(to));
    tally.call(earn_of(from, "o-1", 10 * one));
    tally.call(advance_to(new_year.plus_days(1)));
    tally.call(earn_of(from, "o-2", 20 * one));

    const scripted_answer moved = tally.call(transfer_of(from, to, "t-1", 15));
    EXPECT_EQ(moved.head.status, ok) << moved.head.what;
    EXPECT_EQ(moved.head.points, points_t{15});
    EXPECT_EQ(moved.head.available, points_t{15}) << "the sender's";
    EXPECT_EQ(moved.head.lifetime, points_t{30});
    EXPECT_EQ(moved.head.to_seq, moved.head.seq.plus(1));
    EXPECT_TRUE(moved.shown) << "to_seq is in no fixed reply";
    EXPECT_EQ(moved.release_at, moved.head.to_seq) << "both halves are durable";
    EXPECT_EQ(available_of(tally, to), 15);

    entry_list kept_out, kept_in;
    const entry out = entries_of(tally, from, kept_out).front(), in = entries_of(tally, to, kept_in).front();
    EXPECT_EQ(out.kind, entry_kind::transfer_out);
    EXPECT_EQ(in.kind, entry_kind::transfer_in);
    EXPECT_EQ(out.seq, moved.head.seq);
    EXPECT_EQ(in.seq, moved.head.to_seq);
    EXPECT_EQ(out.group, in.group);
    EXPECT_EQ(out.peer, to);
    EXPECT_EQ(in.peer, from);
    ASSERT_EQ(in.lots.size(), 2u);
    EXPECT_EQ(in.lots[0].expires_at, new_year.plus_days(30));
    EXPECT_EQ(in.lots[1].expires_at, new_year.plus_days(31));

    // The receiver's timers know them.
    EXPECT_EQ(tally.call(advance_to(new_year.plus_days(30))).shown->fired, 1u);
    EXPECT_EQ(available_of(tally, to), 5);
    EXPECT_EQ(available_of(tally, from), 15);
    EXPECT_EQ(tally.call(advance_to(new_year.plus_days(31))).shown->fired, 2u);
    EXPECT_EQ(available_of(tally, to), 0);
    EXPECT_EQ(available_of(tally, from), 0);
    const scripted_answer again = tally.call(transfer_of(from, to, "t-1", 15));
    EXPECT_EQ(again.head.status, duplicate);
    EXPECT_EQ(again.head.to_seq, moved.head.to_seq);
    EXPECT_EQ(again.head.available, points_t{15});
    tally.stop();
    live = tally.fingerprints();
  }
  running_ledger tally(options_for(folder, 4 - GetParam().shards, new_year));
  const scripted_answer again = tally.call(transfer_of(from, to, "t-1", 15));
  EXPECT_EQ(again.head.status, duplicate);
  EXPECT_EQ(again.head.points, points_t{15});
  tally.stop();
  EXPECT_EQ(tally.fingerprints(), live);
}

TEST_P(transfers, are_refused_with_nothing_changed) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, GetParam().shards), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  EXPECT_EQ(tally.call(transfer_of("m-1", "m-2", "t-1", 1)).head.code, outcome_code::unknown_account) << "and no merchant either";
  tally.call(put_of(plain_rules));
  const std::vector<std::string> names = tally.names_on({GetParam().from, GetParam().to});
  const std::string &from = names[0], &to = names[1];
  EXPECT_EQ(tally.call(transfer_of(from, to, "t-1", 1)).head.code, outcome_code::unknown_account);
  tally.call(enroll_of(from));
  EXPECT_EQ(tally.call(transfer_of(from, to, "t-1", 1)).head.code, outcome_code::unknown_account) << "no receiver";
  EXPECT_EQ(tally.call(transfer_of(to, from, "t-1", 1)).head.code, outcome_code::unknown_account) << "no sender";
  tally.call(enroll_of(to));
  EXPECT_EQ(tally.call(transfer_of(from, from, "t-1", 1)).head.where, "to");
  EXPECT_EQ(tally.call(transfer_of(from, to, "t-1", 0)).head.where, "points");
  EXPECT_EQ(tally.call(transfer_of(from, "", "t-1", 1)).head.where, "to");
  EXPECT_EQ(tally.call(transfer_of(from, to, "", 1)).head.where, "transfer");
  EXPECT_EQ(tally.call(transfer_of("", to, "t-1", 1)).head.status, invalid);
  EXPECT_EQ(tally.call(transfer_of(from, std::string(65, 'x'), "t-1", 1)).head.where, "to");
  EXPECT_EQ(tally.call(transfer_of(from, to, "t-1", 51)).head.code, outcome_code::insufficient_points);

  command stop = read_of(op::suspend, to);
  stop.reason = "a look";
  tally.call(stop);
  EXPECT_EQ(tally.call(transfer_of(from, to, "t-1", 1)).head.code, outcome_code::account_suspended);
  EXPECT_EQ(tally.call(transfer_of(to, from, "t-1", 1)).head.code, outcome_code::account_suspended);
  stop.kind = op::close;
  tally.call(stop);
  EXPECT_EQ(tally.call(transfer_of(from, to, "t-1", 1)).head.code, outcome_code::account_closed);
  EXPECT_EQ(available_of(tally, from), 50);
  EXPECT_EQ(tally.call(read_of(op::count, from)).shown->count, 1u);
}

// What falls due on both sides is settled first, each side's by its own shard. Driven by one thread, so that the timers have
// not fired before.
TEST_P(transfers, settle_what_is_due_on_both_sides) {
  temporary_folder folder;
  auto disk = std::make_shared<memory_disk>();
  const std::string rules = "merchant = \"beanhouse\"\n[earn]\npoints = \"1\"\nper = \"1.00\"\nhold_days = 3\n";
  std::vector<std::string> members;
  {
    running_ledger before(options_for(folder, 1, new_year.plus_days(-100)), std::make_unique<memory_journal>(disk));
    before.call(put_of(rules));
    for (int i = 0; i < 40; ++i) {
      before.call(enroll_of(members.emplace_back("m-" + std::to_string(i))));
      before.call(earn_of(members.back(), "o-1", 10 * one));
    }
  }
  std::vector<scripted_port> worlds(GetParam().shards); // outlive the ledger, whose readers may still wake them
  auto opened = ledger::open(options_for(folder, GetParam().shards, new_year), std::make_unique<memory_journal>(disk));
  ASSERT_TRUE(opened.ok());
  ledger& tally = **opened;
  const ledger_parts& parts = tally.shard_at(0).core().parts();
  std::vector<port*> ports;
  for (scripted_port& each : worlds)
    ports.push_back(&each);
  tally.start(ports);
  const auto take = [&](std::uint32_t shard) { // an account of that shard
    const auto found = std::ranges::find_if(members, [&](const std::string& name) {
      return parts.shard_of(parts.merchants.account_hash(parts.merchants.hash_of("beanhouse"), name)) == shard;
    });
    TALLY_ASSERT(found != members.end(), shard);
    const std::string name = *found;
    members.erase(found);
    return name;
  };
  const std::string from = take(GetParam().from), to = take(GetParam().to);
  const auto call = [&](const command& asked) {
    const std::uint64_t id = worlds[0].send(asked);
    tally.shard_at(0).turn(worlds[0], {});
    while (!worlds[0].has_left(id))
      for (std::uint32_t each = GetParam().shards; each-- > 0;) // they park, or decide, before their timers fire
        tally.shard_at(each).turn(worlds[each], {});
    return worlds[0].wait(id);
  };
  const outcome moved = call(transfer_of(from, to, "t-1", 4)).head;
  EXPECT_EQ(moved.status, ok) << moved.what;
  EXPECT_EQ(moved.available, points_t{6}) << "10 were released first";
  EXPECT_EQ(moved.pending, points_t{0});
  EXPECT_EQ(call(read_of(op::account, to)).shown->view->available, points_t{14});
  if (GetParam().shards != 2) { // shard 0 has fired its own timers by then
    command look = read_of(op::entry, {});
    look.seq = seq_t{moved.seq.value - 1};
    const scripted_answer second = call(look);
    look.seq = seq_t{moved.seq.value - 2};
    const scripted_answer first = call(look);
    EXPECT_EQ(first.shown->entries.entries().front().kind, entry_kind::release);
    EXPECT_EQ(first.shown->entries.entries().front().account, from);
    EXPECT_EQ(second.shown->entries.entries().front().kind, entry_kind::release);
    EXPECT_EQ(second.shown->entries.entries().front().account, to);
  }
  tally.close();
}

// A sender whose points are due, and nobody to receive them.
TEST(transfer, settles_a_sender_without_a_receiver) {
  temporary_folder folder;
  auto disk = std::make_shared<memory_disk>();
  {
    running_ledger before(options_for(folder, 1, new_year.plus_days(-100)), std::make_unique<memory_journal>(disk));
    before.call(put_of("merchant = \"beanhouse\"\n[earn]\npoints = \"1\"\nper = \"1.00\"\nhold_days = 3\n"));
    before.call(enroll_of("m-1"));
    before.call(earn_of("m-1", "o-1", 10 * one));
  }
  auto opened = ledger::open(options_for(folder, 1, new_year), std::make_unique<memory_journal>(disk));
  ASSERT_TRUE(opened.ok());
  scripted_port world;
  port* const ports[] = {&world};
  (*opened)->start(ports);
  const std::uint64_t refused = world.send(transfer_of("m-1", "nobody", "t-1", 4));
  (*opened)->shard_at(0).turn(world, {});
  (*opened)->shard_at(0).turn(world, {});
  EXPECT_EQ(world.wait(refused).head.code, outcome_code::unknown_account);
  const std::uint64_t looked = world.send(read_of(op::account, "m-1"));
  (*opened)->shard_at(0).turn(world, {});
  EXPECT_EQ(world.wait(looked).shown->view->available, points_t{10});
  (*opened)->close();
}

INSTANTIATE_TEST_SUITE_P(places, transfers,
                         testing::Values(places{1, 0, 0}, places{3, 1, 1}, places{3, 1, 2}, places{2, 1, 0}, places{2, 0, 1}),
                         [](const auto& shown) {
                           return std::to_string(shown.param.shards) + "_shards_from_" + std::to_string(shown.param.from) + "_to_" +
                                  std::to_string(shown.param.to);
                         });

// The reference is known at once, whichever way the first transfer was decided and the second one is, and nothing that tells of it
// leaves before it is durable.
TEST(transfer, is_known_before_it_is_durable) {
  temporary_folder folder;
  auto owned = std::make_unique<memory_journal>(std::make_shared<memory_disk>());
  memory_journal& journal = *owned;
  running_ledger tally(options_for(folder, 3), std::move(owned));
  tally.call(put_of(plain_rules));
  const std::vector<std::string> names = tally.names_on({1, 1, 2, 0});
  for (const std::string& each : names)
    tally.call(enroll_of(each));
  const std::string& from = names[0];
  journal.hold_back(true);
  const auto ask = [&](const command& asked, std::size_t port) {
    const std::uint64_t id = tally.at(port).send(asked);
    while (!tally.at(port).is_answered(id))
      std::this_thread::yield();
    return id;
  };
  struct question {
    std::size_t port;
    std::uint64_t id;
    outcome_status status;
    outcome_code code = outcome_code::none;
  };
  std::vector<question> asked;
  asked.push_back({0, ask(transfer_of(from, names[1], "near", 1), 0), ok});
  asked.push_back({1, ask(transfer_of(from, names[2], "far", 2), 1), ok});
  asked.push_back({2, ask(transfer_of(from, names[1], "near", 1), 2), duplicate});
  asked.push_back({0, ask(transfer_of(from, names[2], "far", 2), 0), duplicate});
  asked.push_back({1, ask(transfer_of(from, names[3], "near", 1), 1), rejected, outcome_code::reference_conflict});
  asked.push_back({2, ask(transfer_of(from, names[1], "far", 2), 2), rejected, outcome_code::reference_conflict});
  asked.push_back({0, ask(transfer_of(from, names[2], "far", 3), 0), rejected, outcome_code::reference_conflict});
  asked.push_back({1, ask(redeem_of(names[2], "o-1", 53), 1), rejected, outcome_code::insufficient_points});
  asked.push_back({2, ask(redeem_of(names[2], "o-1", 52), 2), ok});
  for (const question& each : asked)
    EXPECT_FALSE(tally.at(each.port).has_left(each.id)) << each.id;
  journal.hold_back(false);
  for (const question& each : asked) {
    const outcome got = tally.at(each.port).wait(each.id).head;
    EXPECT_EQ(got.status, each.status);
    EXPECT_EQ(got.code, each.code);
  }
  tally.stop();
}

// Twenty parallel redemptions of the same points: one is ok, whichever way they come.
TEST(traps, twenty_parallel_redemptions_of_the_same_points) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, 3), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  tally.call(put_of(plain_rules));
  for (int round = 0; round < 30; ++round) {
    const std::vector<std::string> names = tally.names_on({static_cast<std::uint32_t>(round), 0, 1, 2});
    for (const std::string& each : names)
      tally.call(enroll_of(each));
    std::vector<std::thread> tills;
    std::array<std::vector<std::uint64_t>, 3> ids;
    for (std::size_t port = 0; port < 3; ++port)
      tills.emplace_back([&, port] {
        for (std::size_t i = port; i < 20; i += 3) {
          const std::string reference = "r-" + std::to_string(i);
          if (i % 5 == 0)
            ids[port].push_back(tally.at(port).send(transfer_of(names[0], names[1 + i % 3], reference, 50)));
          else if (i % 5 == 1)
            ids[port].push_back(tally.at(port).send(authorize_of(names[0], reference, 50)));
          else
            ids[port].push_back(tally.at(port).send(redeem_of(names[0], reference, 50)));
        }
      });
    for (std::thread& each : tills)
      each.join();
    int done = 0, refused = 0;
    for (std::size_t port = 0; port < 3; ++port)
      for (const std::uint64_t id : ids[port]) {
        const outcome got = tally.at(port).wait(id).head;
        done += got.status == ok ? 1 : 0;
        refused += got.code == outcome_code::insufficient_points ? 1 : 0;
      }
    EXPECT_EQ(done, 1);
    EXPECT_EQ(refused, 19);
    EXPECT_EQ(available_of(tally, names[0]), 0);
  }
}

// A transfer's credited side not guarded: while others spend, close and pass on what comes in, no point is made or lost.
TEST(traps, a_transfers_credited_side_is_guarded) {
  temporary_folder folder;
  auto disk = std::make_shared<memory_disk>();
  running_ledger tally(options_for(folder, 3), std::make_unique<memory_journal>(disk));
  tally.call(put_of(plain_rules));
  const std::vector<std::string> names = tally.names_on({0, 1, 2, 0, 1, 2});
  for (const std::string& each : names)
    tally.call(enroll_of(each));
  constexpr std::uint64_t rounds = 400;
  std::array<std::vector<std::uint64_t>, 3> ids;
  std::vector<std::thread> tills;
  for (std::size_t port = 0; port < 3; ++port)
    tills.emplace_back([&, port] {
      std::mt19937_64 random(port + 1);
      for (std::uint64_t i = 0; i < rounds; ++i) {
        const std::string reference = std::to_string(port) + "-" + std::to_string(i);
        const std::size_t from = random() % names.size(), to = (from + 1 + random() % (names.size() - 1)) % names.size();
        const auto points = static_cast<std::int64_t>(1 + random() % 40);
        const std::uint64_t what = random() % 10;
        if (what < 6)
          ids[port].push_back(tally.at(port).send(transfer_of(names[from], names[to], reference, points)));
        else if (what < 8)
          ids[port].push_back(tally.at(port).send(redeem_of(names[from], reference, points)));
        else
          ids[port].push_back(tally.at(port).send(earn_of(names[from], reference, points * one)));
      }
      command close = read_of(op::close, names[port]); // while the other ports go on
      close.reason = "moved away";
      ids[port].push_back(tally.at(port).send(close));
    });
  for (std::thread& each : tills)
    each.join();
  std::int64_t sum = 50 * static_cast<std::int64_t>(names.size());
  int transferred = 0;
  for (std::size_t port = 0; port < 3; ++port)
    for (const std::uint64_t id : ids[port]) {
      const outcome got = tally.at(port).wait(id).head;
      EXPECT_GE(got.available, points_t{0});
      if (got.status != ok) {
        EXPECT_TRUE(got.code == outcome_code::insufficient_points || got.code == outcome_code::account_closed)
            << name_of(got.kind) << " " << name_of(got.status) << " " << name_of(got.code) << " " << got.what;
        continue;
      }
      transferred += got.kind == op::transfer ? 1 : 0;
      sum += got.kind == op::earn ? got.points.value : got.kind == op::transfer ? 0 : -got.points.value;
    }
  EXPECT_GT(transferred, 100);
  std::int64_t held = 0;
  for (const std::string& each : names)
    held += available_of(tally, each);
  EXPECT_EQ(held, sum);

  tally.stop();
  const std::vector<std::string> live = tally.fingerprints();
  temporary_folder elsewhere; // the first ledger has its own still
  running_ledger replayed(options_for(elsewhere, 2), std::make_unique<memory_journal>(disk));
  replayed.stop();
  EXPECT_EQ(replayed.fingerprints(), live);
}

// One standstill after the other starves nobody.
TEST(transfer, leaves_the_other_shards_their_turns) {
  temporary_folder folder;
  running_ledger tally(options_for(folder, 2), std::make_unique<memory_journal>(std::make_shared<memory_disk>()));
  tally.call(put_of(plain_rules));
  const std::vector<std::string> names = tally.names_on({0, 1, 1});
  for (const std::string& each : names)
    tally.call(enroll_of(each));
  std::vector<std::uint64_t> moved;
  for (int i = 0; i < 2000; ++i) // shard 0's own connection asks for one after the other
    moved.push_back(tally.at(0).send(transfer_of(names[i % 2], names[1 - i % 2], "t-" + std::to_string(i), 1)));
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(tally.call(earn_of(names[2], "o-" + std::to_string(i), one), 1).head.status, ok);
  for (const std::uint64_t id : moved)
    ASSERT_EQ(tally.at(0).wait(id).head.status, ok);
  EXPECT_EQ(available_of(tally, names[0]), 50);
  EXPECT_EQ(available_of(tally, names[1]), 50);
}

} // namespace
} // namespace tally::actors
