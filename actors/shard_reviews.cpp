// Reviews, as far as the shard that is asked is concerned: whose a review is, and which are open on all shards together.
#include "actors/reader_actor.hpp"
#include "actors/shard_core.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace tally::actors {

namespace {

outcome refused(op kind, outcome_status status, std::string what, std::string where = {}) {
  outcome said;
  said.kind = kind;
  said.status = status;
  said.what = std::move(what);
  said.where = std::move(where);
  return said;
}

outcome rejected(op kind, outcome_code code) {
  outcome said = refused(kind, outcome_status::rejected, {});
  said.code = code;
  return said;
}

// One `reviews` operation, as it goes round the shards.
struct review_question {
  std::shared_ptr<const owned_command> asked;
  const merchant* of; // may be null: then there are none
  std::uint64_t account_hash;
  std::size_t lines_max;
};

// What one shard says to it.
struct review_part {
  std::vector<seq_t> open; // the first lines_max + 1
  bool is_account_known;
  seq_t decided; // everything that the shard had decided is not after it
};

// What has been said so far. On the shard that was asked.
struct review_search {
  review_search(review_question asked, const origin& asker, std::size_t shards)
      : question(std::move(asked)), who(asker), shards_left(shards) {}

  review_question question;
  origin who;
  std::size_t shards_left;
  std::vector<seq_t> open;
  bool is_account_known = false;
  seq_t decided;
};

review_part find_open(shard_core& here, const review_question& question) {
  const command& asked = question.asked->get();
  const seq_t after = asked.after.value_or(seq_t{});
  review_part part{{}, false, here.parts().newest_taken()};
  if (question.of == nullptr)
    return part;
  if (asked.account.empty()) {
    part.open = here.reviews().find(question.of->number, after, question.lines_max + 1);
  } else if (const account_actor* account = here.find(*question.of, question.account_hash, asked.account)) {
    part.is_account_known = true;
    for (const open_review& each : open_reviews(account->state()))
      if (each.review > after)
        part.open.push_back(each.review);
  }
  return part;
}

// Everybody has answered: once what was decided until then is on disk, a reader looks the reviews up. So nothing shows that
// a crash could take back, neither an opened review nor a missing one.
void show_open(shard_core& home, review_search& search) {
  const command& asked = search.question.asked->get();
  read_query query;
  query.asked = search.question.asked;
  query.of = search.question.of;
  query.account = asked.account;
  query.now = home.now();
  query.reviews = std::move(search.open);
  std::ranges::sort(query.reviews);
  if (query.reviews.size() > search.question.lines_max) {
    query.reviews.resize(search.question.lines_max);
    query.next_after = query.reviews.back();
  }
  auto job = std::make_shared<read_job>(home.parts(), search.who, std::move(query));
  if (!asked.account.empty() && !search.is_account_known)
    return job->reply.answer(outcome_status::rejected, {}, {}, outcome_code::unknown_account);
  home.when_durable(search.decided,
                    [supervisor = home.parts().supervisor, job = std::move(job)] { caf::anon_send(supervisor, read_message{job}); });
}

void take_part(shard_core& home, review_search& search, const review_part& part) {
  search.open.insert(search.open.end(), part.open.begin(), part.open.end());
  search.is_account_known |= part.is_account_known;
  search.decided = std::max(search.decided, part.decided);
  if (--search.shards_left == 0)
    show_open(home, search);
}

} // namespace

// approve, reject: they name no account. The review's entry does; the operation goes on to its shard.
void shard_core::find_review(const staged& operation) {
  const command& asked = *operation.asked;
  if (!asked.seq)
    return answer(operation.who, refused(asked.kind, outcome_status::invalid, "is missing", "review"), {});
  const bool is_on_its_way = *asked.seq > parts_.journal->durable_seq() && *asked.seq <= parts_.newest_taken();
  if (is_on_its_way) { // asked by a client that did not wait for the answer
    expect_answer();
    const auto kept = std::make_shared<const owned_command>(asked);
    return when_durable(*asked.seq, [this, kept, who = operation.who] {
      post(std::make_unique<errand>([kept, who](shard_core& here) { // in a turn of its own, whose entries are handed over
        here.settled_elsewhere();
        staged again;
        again.asked = &kept->get();
        again.who = who;
        here.find_review(again);
      }));
    });
  }
  const merchant* of = parts_.merchants.find(asked.merchant, parts_.merchants.hash_of(asked.merchant));
  const result<const entry*> read = reader().read(*asked.seq);
  if (!read && read.error().code != failure_code::missing)
    return answer(operation.who, refused(asked.kind, outcome_status::unavailable, read.error().what), {});
  const bool is_review = read.ok() && of != nullptr && (*read)->merchant == of->number && (*read)->kind == entry_kind::review_hold;
  if (!is_review)
    return answer(operation.who, rejected(asked.kind, outcome_code::unknown_review), {});
  const std::string account((*read)->account);
  command named = asked;
  named.account = account;
  staged found;
  found.asked = &named;
  found.who = operation.who;
  found.who.names_account = true;
  locate(found);
  if (parts_.shard_of(found.hash) != index_)
    forward(found);
  else
    decide_all({&found, 1});
}

// Asks every shard, or the account's alone.
void shard_core::list_reviews(const staged& operation) {
  const command& asked = *operation.asked;
  if (const field_problem problem = check_read(asked, now_); !problem.what.empty())
    return answer(operation.who, refused(asked.kind, outcome_status::invalid, problem.what, problem.where), {});
  staged located = operation;
  locate(located);
  const review_question question{std::make_shared<const owned_command>(asked), located.of, located.hash,
                                 asked.limit.value_or(history_limit_default)};
  std::vector<std::uint32_t> askable;
  for (std::uint32_t i = 0; i < parts_.shards.size(); ++i)
    if (asked.account.empty() || i == parts_.shard_of(located.hash))
      askable.push_back(i);
  const auto search = std::make_shared<review_search>(question, operation.who, askable.size());
  expect_answer();
  for (const std::uint32_t i : askable)
    parts_.core(i).post(std::make_unique<errand>([question, search](shard_core& there) {
      there.parts().core(search->who.shard).post(std::make_unique<errand>([search, part = find_open(there, question)](shard_core& home) {
        take_part(home, *search, part);
      }));
    }));
}

} // namespace tally::actors
