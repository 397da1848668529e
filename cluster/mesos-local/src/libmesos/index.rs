//! The package index: which one to ask, and what its page says.
//!
//! Pages are understood in both forms that indexes serve, HTML (PEP 503) and JSON (PEP 691).

use std::process::{Command, Stdio};

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use url::Url;

use super::LIBRARY_VARIABLE;
use super::http::Http;
use crate::error::{Error, ErrorKind};
use crate::release::Package;

const VARIABLE: &str = "PIP_INDEX_URL";
const MEDIA_TYPES: &str = "application/vnd.pypi.simple.v1+json, text/html;q=0.5";
/// A page of a package index; the longest seen has a few megabytes.
const PAGE_LIMIT: u64 = 32 << 20;

/// A package index.
#[derive(Debug)]
pub(crate) struct Index {
    http: Http,
    url: Url,
}

impl Index {
    /// The index that `pip` is configured for on this machine.
    pub(crate) fn from_environment() -> Result<Self, Error> {
        let (origin, url) = discover(|name| std::env::var(name).ok(), output)?;
        Self::at(&url, &origin)
    }

    /// The index at `url`, which came from `origin` (a variable, a command).
    pub(crate) fn at(url: &str, origin: &str) -> Result<Self, Error> {
        // The text is not repeated in the errors: it may hold a password.
        let mut url = Url::parse(url.trim()).map_err(|cause| {
            Error::because(
                ErrorKind::Index,
                format!("the package index that {origin} names is not a URL: set {VARIABLE} to https://HOST/PATH"),
                cause,
            )
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::new(
                ErrorKind::Index,
                format!(
                    "the package index that {origin} names is a {}: URL, and only http: and https: \
                     are understood: set {VARIABLE} to such a one",
                    url.scheme()
                ),
            ));
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        let http = Http::with_credentials_of(&mut url);
        Ok(Self { http, url })
    }

    /// The address of the package's archive, and the client to get it with.
    pub(crate) fn locate(&self, package: &Package) -> Result<(&Http, Url), Error> {
        let page = self
            .url
            .join(&format!("{}/", package.project))
            .map_err(|cause| {
                Error::because(
                    ErrorKind::Index,
                    format!("no page can be below {}", shown(&self.url)),
                    cause,
                )
            })?;
        let response = self.http.get(&page, MEDIA_TYPES).map_err(|cause| {
            Error::because(
                ErrorKind::Index,
                format!(
                    "cannot read the package index's page {}: check the network, HTTPS_PROXY and \
                     SSL_CERT_FILE, set {VARIABLE} to an index that has {}, or {}",
                    shown(&page),
                    package.project,
                    package.instead
                ),
                cause,
            )
        })?;
        let (base, json) = (response.url.clone(), response.is_json());
        let body = response.text(PAGE_LIMIT).map_err(|cause| {
            Error::because(
                ErrorKind::Index,
                format!("the page {} broke off", shown(&page)),
                cause,
            )
        })?;
        let links = if json {
            json_links(&body)
        } else {
            html_links(&body)
        }
        .map_err(|message| {
            Error::new(
                ErrorKind::Index,
                format!(
                    "the page {} is not one of a package index: {message}",
                    shown(&page)
                ),
            )
        })?;
        let wanted = &package.file;
        let link = links.iter().find(|link| link.name == *wanted).ok_or_else(|| {
            Error::new(
                ErrorKind::Index,
                format!(
                    "the page {} has {} links, but none to {wanted}: set {VARIABLE} to an index \
                     that has it, or {}",
                    shown(&page),
                    links.len(),
                    package.instead
                ),
            )
        })?;
        let mut url = base.join(&link.href).map_err(|cause| {
            Error::because(
                ErrorKind::Index,
                format!("the link to {wanted} on {} is not a URL", shown(&page)),
                cause,
            )
        })?;
        url.set_fragment(None);
        Ok((&self.http, url))
    }
}

/// A URL as it may appear in a message: without user, password and query, which may be secret.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // These fail only for URLs that cannot have credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// Where the URL came from and the URL, by the same order of precedence as pip's.
fn discover(
    variable: impl Fn(&str) -> Option<String>,
    output: impl Fn(&str, &[&str]) -> Option<String>,
) -> Result<(String, String), Error> {
    if let Some(url) = variable(VARIABLE).filter(|url| !url.trim().is_empty()) {
        return Ok((VARIABLE.into(), url));
    }
    let pips: [(&str, &[&str]); 3] = [("pip", &[]), ("pip3", &[]), ("python3", &["-m", "pip"])];
    for (program, arguments) in pips {
        let arguments = [arguments, &["config", "get", "global.index-url"]].concat();
        if let Some(url) = output(program, &arguments) {
            return Ok((format!("`{program} {}`", arguments.join(" ")), url));
        }
    }
    let default = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";
    if let Some(url) = output("python3", &["-c", default]) {
        return Ok(("pip's own default".into(), url));
    }
    Err(Error::new(
        ErrorKind::Index,
        format!(
            "no package index is known to download libmesos from: {VARIABLE} is not set, and \
             neither pip nor python3 could be asked: set {VARIABLE} to the URL of a Python package \
             index (https://HOST/simple), or {LIBRARY_VARIABLE} to a libmesos that is already here"
        ),
    ))
}

/// What the program prints, if it can be run, succeeds and prints anything.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

#[derive(Debug, PartialEq)]
struct Link {
    name: String,
    href: String,
}

/// PEP 503: every `<a href>` is a file, its name the last part of the path (PEP 503 wants the
/// anchor's text to be the same).
fn html_links(page: &str) -> Result<Vec<Link>, String> {
    let mut links = Vec::new();
    for Ok(token) in html5gum::Tokenizer::new(page) {
        let html5gum::Token::StartTag(tag) = token else {
            continue;
        };
        if tag.name.as_slice() != b"a" {
            continue;
        }
        let Some(href) = tag.attributes.get(b"href".as_slice()) else {
            continue;
        };
        let href = String::from_utf8_lossy(href).into_owned();
        let path = href.split(['#', '?']).next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        let name = percent_decode_str(name).decode_utf8_lossy().into_owned();
        links.push(Link { name, href });
    }
    if links.is_empty() {
        return Err("it has no links".into());
    }
    Ok(links)
}

/// PEP 691.
fn json_links(page: &str) -> Result<Vec<Link>, String> {
    #[derive(Deserialize)]
    struct Page {
        files: Vec<File>,
    }
    #[derive(Deserialize)]
    struct File {
        filename: String,
        url: String,
    }
    let page: Page = serde_json::from_str(page).map_err(|error| error.to_string())?;
    Ok(page
        .files
        .into_iter()
        .map(|file| Link {
            name: file.filename,
            href: file.url,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_the_environments_then_pips_then_pips_default() {
        let environment = |name: &str| (name == VARIABLE).then(|| "http://env.test/simple".into());
        let nothing = |_: &str| None;
        let pip3 =
            |program: &str, _: &[&str]| (program == "pip3").then(|| "http://pip.test/".into());
        let default = |_: &str, arguments: &[&str]| {
            (arguments[0] == "-c").then(|| "http://default.test/".to_owned())
        };
        let found = |result: Result<(String, String), Error>| result.expect("an index").1;
        assert_eq!(found(discover(environment, pip3)), "http://env.test/simple");
        assert_eq!(found(discover(nothing, pip3)), "http://pip.test/");
        assert_eq!(found(discover(nothing, default)), "http://default.test/");
    }

    #[test]
    fn without_any_index_the_message_names_the_two_ways_out() {
        let error = discover(|_| None, |_, _| None).expect_err("nothing to be found");
        assert_eq!(error.kind(), ErrorKind::Index);
        assert!(error.to_string().contains("set PIP_INDEX_URL"), "{error}");
        assert!(
            error.to_string().contains("MESOS_NATIVE_LIBRARY"),
            "{error}"
        );
    }

    #[test]
    fn a_link_is_found_in_html_whatever_its_quoting_and_its_entities() {
        let page = "<!DOCTYPE html><title>x</title><!-- <a href='no'> -->\
            <A HREF='../../f/mesos.scheduler-1.tar.gz?a=1&amp;b=2#sha256=0' data-x>text</a><a>no href</a>";
        let links = html_links(page).expect("links");
        assert_eq!(
            links,
            [Link {
                name: "mesos.scheduler-1.tar.gz".into(),
                href: "../../f/mesos.scheduler-1.tar.gz?a=1&b=2#sha256=0".into()
            }]
        );
    }

    #[test]
    fn a_link_is_found_in_json() {
        let page = r#"{"meta": {"api-version": "1.0"}, "files": [{"filename": "a", "url": "/f/a", "hashes": {}}]}"#;
        let links = json_links(page).expect("links");
        assert_eq!(
            links,
            [Link {
                name: "a".into(),
                href: "/f/a".into()
            }]
        );
        assert!(json_links("{\"message\": \"go away\"}").is_err());
    }

    #[test]
    fn an_index_that_is_no_http_url_is_refused_without_repeating_it() {
        for text in ["user:hunter2@nowhere", "file:///home/hunter2/index"] {
            let error = Index::at(text, "PIP_INDEX_URL").expect_err("not an http URL");
            assert_eq!(error.kind(), ErrorKind::Index);
            assert!(error.to_string().contains("PIP_INDEX_URL"), "{error}");
            assert!(!error.report().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        let url = Url::parse("https://me:secret@host.test/a/b?token=secret#c").expect("a URL");
        assert_eq!(shown(&url), "https://host.test/a/b");
    }
}
