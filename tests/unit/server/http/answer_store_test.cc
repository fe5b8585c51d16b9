#include "server/http/answer_store.h"

#include <gtest/gtest.h>

#include <string>

namespace cowslip::server {
namespace {

class AnswerStoreTest : public testing::Test {
 protected:
  // What is answered, when making it anew takes so long and makes a new number.
  std::string ask(const std::string& question, int64_t takes_us = 500) {
    const auto answer = store_.get(question, [&] {
      clock_.advance_us(takes_us);
      return question + std::to_string(++made_);
    });
    return answer.value_or("nothing");
  }

  ManualClock clock_;
  AnswerStore store_{clock_};
  int made_ = 0;
};

TEST_F(AnswerStoreTest, WhoAsksNowAndThenSeesWhatIs) {
  EXPECT_EQ(ask("a"), "a1");
  EXPECT_EQ(ask("a"), "a2");
}

TEST_F(AnswerStoreTest, WhoAsksOverAndOverGetsTheLastAnswerUntilTheWindowEnds) {
  for (int i = 0; i < 4; i++) ask("a");
  EXPECT_EQ(ask("a"), "a4");
  EXPECT_EQ(ask("b"), "b5") << "another question";
  EXPECT_EQ(ask("a"), "a4");
  clock_.advance_us(AnswerStore::kWindowUs);
  EXPECT_EQ(ask("a"), "a6");
}

TEST_F(AnswerStoreTest, NewQuestionsGetNothingOnceTooMuchWasSpent) {
  EXPECT_EQ(ask("a", AnswerStore::kMostUs), "a1");
  EXPECT_EQ(ask("b"), "nothing");
  EXPECT_EQ(ask("a"), "a1");
  clock_.advance_us(AnswerStore::kWindowUs);
  EXPECT_EQ(ask("b"), "b2");
}

TEST_F(AnswerStoreTest, WhatIsForgottenIsMadeAnew) {
  ask("a", AnswerStore::kFreshUs);
  store_.forget();
  EXPECT_EQ(ask("a"), "a2");
}

}  // namespace
}  // namespace cowslip::server
