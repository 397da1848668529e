//! Finds the package index, and the address of an archive on its page.
//!
//! Reads pages in both formats of package indexes: HTML (PEP 503) and JSON (PEP 691).

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
/// The largest page of a package index that is read. Real pages have up to a few megabytes.
const PAGE_LIMIT: u64 = 32 << 20;

/// A package index.
#[derive(Debug)]
pub(crate) struct Index {
    http: Http,
    url: Url,
}

impl Index {
    /// The index for which `pip` is configured on this machine.
    pub(crate) fn from_environment() -> Result<Self, Error> {
        let (origin, url) = discover(|name| std::env::var(name).ok(), output)?;
        Self::at(&url, &origin)
    }

    /// The index at `url`, which was read from `origin` (a variable, a command).
    pub(crate) fn at(url: &str, origin: &str) -> Result<Self, Error> {
        // Errors do not quote the text: it may contain a password.
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
                    "the package index that {origin} names is a {}: URL, but only http: and https: \
                     are supported: set {VARIABLE} to such a URL",
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
                    format!("{} cannot be the base of another URL", shown(&self.url)),
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
                format!("the page {} was interrupted", shown(&page)),
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
                    "the page {} is not a package index: {message}",
                    shown(&page)
                ),
            )
        })?;
        let wanted = &package.file;
        let link = links.iter().find(|link| link.name == *wanted).ok_or_else(|| {
            Error::new(
                ErrorKind::Index,
                format!(
                    "the page {} has {} links, but no link to {wanted}: set {VARIABLE} to an index \
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

/// A URL for a message: without user, password and query, which may be secret.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Fails only for URLs that cannot have credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// The origin of the URL and the URL, with pip's order of precedence.
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
            "cannot find a package index to download libmesos from: {VARIABLE} is not set, and \
             neither pip nor python3 names an index: set {VARIABLE} to the URL of a Python package \
             index (https://HOST/simple), or {LIBRARY_VARIABLE} to the path of an installed libmesos"
        ),
    ))
}

/// The output of a program, if it runs, succeeds and prints anything.
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

/// PEP 503: every `<a href>` is a file. Its name is the last part of the path, and the anchor's text
/// has to be the same.
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
        return Err("the page has no links".into());
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
    fn without_an_index_the_error_names_both_variables() {
        let error = discover(|_| None, |_, _| None).expect_err("no index");
        assert_eq!(error.kind(), ErrorKind::Index);
        assert!(error.to_string().contains("set PIP_INDEX_URL"), "{error}");
        assert!(
            error.to_string().contains("MESOS_NATIVE_LIBRARY"),
            "{error}"
        );
    }

    #[test]
    fn a_link_is_found_in_html_with_any_quoting_and_entities() {
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
    fn an_index_with_an_invalid_url_is_refused_without_quoting_it() {
        for text in ["user:hunter2@nowhere", "file:///home/hunter2/index"] {
            let error = Index::at(text, "PIP_INDEX_URL").expect_err("not an http URL");
            assert_eq!(error.kind(), ErrorKind::Index);
            assert!(error.to_string().contains("PIP_INDEX_URL"), "{error}");
            assert!(!error.report().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_url_in_a_message_has_no_secrets() {
        let url = Url::parse("https://me:secret@host.test/a/b?token=secret#c").expect("a URL");
        assert_eq!(shown(&url), "https://host.test/a/b");
    }
}
