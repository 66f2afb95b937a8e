//! How many accounts there are, by user type and by how far their TOTP is: the figure by which a mandate is judged.

use std::{
    iter::Sum,
    ops::{Add, Sub},
};

use super::{
    account::{Account, TotpState},
    identity::UserType,
    word::words,
};

words! {
    /// How far the TOTP of an account is, without when that was.
    pub enum TotpStage {
        Off = "off",
        /// A key was shown, and no code has proved it.
        Pending = "pending",
        Active = "active",
    }
}

impl TotpStage {
    pub fn of(account: &Account) -> Self {
        match account.authenticator.state() {
            TotpState::Off => Self::Off,
            TotpState::Pending { .. } => Self::Pending,
            TotpState::Active { .. } => Self::Active,
        }
    }
}

/// Accounts of each user type by the stage of their TOTP, or by how many these become more. Machines that share a store keep
/// a part each, of which one may be below zero; the sum never is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TotpCounts([[i64; TotpStage::ALL.len()]; UserType::ALL.len()]);

impl TotpCounts {
    /// By how many it becomes more where `before` becomes `after`; `None`: there is no such account.
    pub fn change(before: Option<&Account>, after: Option<&Account>) -> Self {
        let of = |account: Option<&Account>| account.map_or_else(Self::default, Self::of);
        of(after) - of(before)
    }

    /// One account.
    pub fn of(account: &Account) -> Self {
        let mut one = Self::default();
        one.set(account.key.user_type, TotpStage::of(account), 1);
        one
    }

    pub fn get(&self, user_type: UserType, stage: TotpStage) -> i64 {
        self.0[user_type as usize][stage as usize]
    }

    pub fn set(&mut self, user_type: UserType, stage: TotpStage, accounts: i64) {
        self.0[user_type as usize][stage as usize] = accounts;
    }

    /// Nothing becomes more or less.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    fn with(self, other: Self, number: fn(i64, i64) -> i64) -> Self {
        let mut both = self;
        for (row, others) in both.0.iter_mut().zip(other.0) {
            for (one, another) in row.iter_mut().zip(others) {
                *one = number(*one, another);
            }
        }
        both
    }
}

impl Add for TotpCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.with(other, i64::saturating_add)
    }
}

impl Sub for TotpCounts {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.with(other, i64::saturating_sub)
    }
}

impl Sum for TotpCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Add::add)
    }
}
