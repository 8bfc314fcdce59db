//! How much may be asked: throttling, and the quotas behind it.

mod quotas_sufficient;
mod requests_not_throttled;

pub(crate) use self::quotas_sufficient::QuotasSufficient;
pub(crate) use self::requests_not_throttled::RequestsNotThrottled;
use crate::facts::{Configuration, ModelFacts};
use crate::quota_names::{QuotaName, Scope, parse};

/// The name of a quota, taken apart, when it counts the requests for this model.
fn counting(name: &str, model: &ModelFacts) -> Option<QuotaName> {
    let foundation_model = model.foundation_model.as_deref()?;
    let scope = if model.model_arns.is_empty() {
        let id = model.model.rsplit('/').next().unwrap_or(&model.model);
        Scope::of_id(id)
    } else {
        Scope::of_model_arns(&model.model_arns)
    };
    parse(name).filter(|parsed| parsed.counts(foundation_model, scope))
}

/// The Region of a model's quotas when it is not the one that was asked: the background model may have its own.
fn elsewhere<'a>(model: &ModelFacts, configuration: &'a Configuration) -> Option<&'a str> {
    let region = &configuration.background_region.as_ref()?.value;
    (model.part == "background model" && *region != configuration.region.value)
        .then_some(region.as_str())
}

/// Whether a quota of this name counts requests for one of the models in the Region of the configuration.
pub fn concerns(name: &str, models: &[ModelFacts], configuration: &Configuration) -> bool {
    let mut here = models
        .iter()
        .filter(|model| elsewhere(model, configuration).is_none());
    here.any(|model| counting(name, model).is_some())
}
