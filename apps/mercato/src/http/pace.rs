//! How slowly a body may come: whoever sends a byte now and then would hold a connection, and what
//! the handler holds, for as long as they like.

use std::io;
use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use futures_util::StreamExt;
use futures_util::stream::{LocalBoxStream, unfold};
use tokio::time::{Instant, timeout_at};

use super::Problem;
use super::server::State;

/// Bytes that buy a body another second: 64 KiB.
const BYTES_PER_SECOND: u64 = 64 * 1024;

/// Holds the client to its time, whoever reads the body.
pub(crate) async fn pace(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if let Some(state) = request.app_data::<Data<State>>() {
        let patience = state.settings.request_timeout;
        let payload = request.take_payload();
        request.set_payload(Payload::Stream { payload: paced(payload, patience) });
    }
    next.call(request).await
}

/// The same payload, which ends with an error when its time is over. The clock starts when
/// somebody begins to read.
fn paced(
    payload: Payload,
    patience: Duration,
) -> LocalBoxStream<'static, Result<Bytes, PayloadError>> {
    let unread = (payload, None::<Instant>, 0_u64);
    unfold(Some(unread), move |state| async move {
        let (mut payload, started, received) = state?;
        let started = started.unwrap_or_else(Instant::now);
        let earned = Duration::from_secs(received / BYTES_PER_SECOND);
        match timeout_at(started + patience + earned, payload.next()).await {
            Ok(Some(Ok(chunk))) => {
                let received = received + u64::try_from(chunk.len()).unwrap_or(u64::MAX / 2);
                Some((Ok(chunk), Some((payload, Some(started), received))))
            }
            Ok(Some(Err(error))) => Some((Err(error), None)),
            Ok(None) => None,
            Err(_) => Some((Err(PayloadError::Io(io::ErrorKind::TimedOut.into())), None)),
        }
    })
    // A form is asked for more after its end.
    .fuse()
    .boxed_local()
}

/// 408, if that is why the body broke off.
pub(crate) fn too_slow(error: &PayloadError) -> Option<Problem> {
    let PayloadError::Io(error) = error else { return None };
    (error.kind() == io::ErrorKind::TimedOut).then(|| {
        Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            "the body did not come in time; send it again",
        )
    })
}

#[cfg(test)]
mod tests {
    use futures_util::stream::iter;

    use super::*;

    /// Reads a body whose pieces of this size come every so often.
    async fn read(pieces: u32, size: usize, every: Duration) -> Result<usize, PayloadError> {
        let chunks = iter(0..pieces).then(move |_| async move {
            tokio::time::sleep(every).await;
            Ok(Bytes::from(vec![0; size]))
        });
        let payload = Payload::Stream { payload: chunks.boxed_local() };
        let mut body = paced(payload, Duration::from_millis(100));
        let mut total = 0;
        while let Some(chunk) = body.next().await {
            total += chunk?.len();
        }
        assert!(body.next().await.is_none(), "what has ended stays so");
        Ok(total)
    }

    #[tokio::test]
    async fn a_large_body_has_the_time_it_earns_and_a_trickle_does_not() {
        let mebibyte = 1024 * 1024;
        let upload = read(6, mebibyte, Duration::from_millis(50)).await.unwrap();
        assert_eq!(upload, 6 * mebibyte);

        let trickle = read(1_000, 1, Duration::from_millis(5)).await.unwrap_err();
        assert_eq!(too_slow(&trickle).unwrap().code(), "request_timeout");
    }
}
