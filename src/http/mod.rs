pub mod auth {
    use crate::domain::*;
    use crate::services::Services;
    use crate::store::*;
    #[derive(Debug, Clone, Copy)]
    pub enum Role {
        Admin,
    }
    impl std::str::FromStr for Role {
        type Err = String;
        fn from_str(_: &str) -> Result<Self, String> {
            Ok(Role::Admin)
        }
    }
    pub async fn create_key(_: &Services, _: Role, _: &ProjectId, _: &str) -> Result<(ApiKey, String), StoreError> {
        Err(StoreError::Closed)
    }
}
pub mod wire {
    pub mod grading {
        use crate::domain::*;
        use crate::services::*;
        #[derive(serde::Serialize)]
        pub struct GradingBody;
        pub struct Told<'a> {
            pub grading: &'a Grading,
            pub rubric: &'a Rubric,
            pub votes: &'a [Vote],
            pub progress: Option<Progress>,
        }
        impl GradingBody {
            pub fn new(_: &Told) -> Self {
                Self
            }
        }
    }
}
#[derive(Clone, Copy)]
pub struct ServeOptions {
    pub bind: std::net::SocketAddr,
    pub workers: usize,
    pub drain: std::time::Duration,
}
pub async fn serve(
    _: std::sync::Arc<crate::services::Services>,
    o: ServeOptions,
    r: impl FnOnce(std::net::SocketAddr),
    s: crate::judge::CancellationToken,
) -> Result<(), crate::store::StoreError> {
    r(o.bind);
    s.cancelled().await;
    Ok(())
}
