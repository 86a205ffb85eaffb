//! A request's path, query and body, read with our own refusals.
//!
//! Invariant: what cannot be read is a problem like any other, and says what could not be read.

use std::fmt::Display;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path as AxumPath, Query as AxumQuery, Request};
use axum::http::request::Parts;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use tatum_primitives::OperatorId;
use tatum_protocol::ProblemKind;
use tatum_protocol::schema::OperatorNumber;
use utoipa::IntoParams;

use crate::error::ApiError;

/// The parts of the path.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

/// The query.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

/// A number as it is asked for: an epoch, or a place in a list. None is larger than the services' databases hold.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Number(pub(crate) u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(from)?;
        let fits = i64::try_from(number).is_ok();
        fits.then_some(Self(number))
            .ok_or_else(|| D::Error::custom("a number is from 0 to 2^63 - 1"))
    }
}

/// How many are asked for: `usual` unless said, and from 1 to `most`.
pub(super) fn at_most<N: PartialOrd + Display + From<u8>>(
    asked: Option<N>,
    usual: N,
    most: N,
) -> Result<N, ApiError> {
    let limit = asked.unwrap_or(usual);
    if limit < N::from(1) || limit > most {
        return Err(ApiError::bad_request(format!("limit is from 1 to {most}")));
    }
    Ok(limit)
}

/// Which of an account's channels, or parts of pools, to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AfterOperator {
    /// Only those with operators after this one.
    #[param(value_type = Option<OperatorNumber>)]
    pub(super) after: Option<OperatorId>,
    /// At most so many.
    #[param(minimum = 1, maximum = 50)]
    pub(super) limit: Option<usize>,
}

/// The first `limit` of what was found, and the last of them if there are more.
pub(super) fn page<T: Copy>(mut found: Vec<T>, limit: usize) -> (Vec<T>, Option<T>) {
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().copied().filter(|_| more);
    (found, next)
}

/// A body in JSON.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = AxumPath::<T>::from_request_parts(parts, state).await;
        read.map(|AxumPath(value)| Self(value))
            .map_err(|error| ApiError::bad_request(error.body_text()))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = AxumQuery::<T>::from_request_parts(parts, state).await;
        read.map(|AxumQuery(value)| Self(value))
            .map_err(|error| ApiError::bad_request(error.body_text()))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(JsonRejection::MissingJsonContentType(_)) => {
                Err(ApiError::new(ProblemKind::UnsupportedMediaType, "send application/json"))
            }
            Err(JsonRejection::BytesRejection(error)) => {
                Err(ApiError::new(ProblemKind::TooLarge, error.body_text()))
            }
            Err(error) => Err(ApiError::bad_request(error.body_text())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_where_to_go_on_only_if_there_is_more() {
        assert_eq!(page(vec![1, 2, 3], 2), (vec![1, 2], Some(2)));
        assert_eq!(page(vec![1, 2], 2), (vec![1, 2], None));
        assert_eq!(page(Vec::<u8>::new(), 2), (vec![], None));
    }
}
