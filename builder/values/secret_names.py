"""Names of files and folders that hold secrets, or a history that may hold them, whatever they contain.

After the file signatures of Gitrob and shhgit, the rules of gitleaks, and GitHub's templates for
`.gitignore`, without names that ordinary code bears as well: those of databases, logs, settings and
certificates.
"""

from __future__ import annotations

import re

HISTORIES = (".git", ".hg", ".svn", ".bzr", "_darcs")
"""Of version control: they hold what was there once."""

_EXAMPLES = re.compile(
    r"(?:^|/)\.env(?:\.[\w-]+)*[.-](?:example|sample|template|dist|defaults?|schema|tmpl|tpl)$"
)
"""Written to be copied and filled in, so they go along."""

_SECRETS = """
.env .env.* .env-* .env~ .envrc
.ssh id_rsa id_dsa id_ecdsa id_ecdsa_sk id_ed25519 id_ed25519_sk id_xmss ssh_host_*_key
.gnupg secring.gpg secring.pgp *.ppk otr.private_key
.netrc _netrc .authinfo .authinfo.gpg .git-credentials .htpasswd .htdigest proftpdpasswd etc/shadow
etc/gshadow
.npmrc .pypirc pip.conf pip.ini .gem/credentials .cargo/credentials .cargo/credentials.toml
.composer/auth.json
.config/pypoetry/auth.toml .config/composer/auth.json .m2/settings.xml .m2/settings-security.xml
.gradle/gradle.properties .bundle/config
.aws .azure .config/gcloud .gcloud application_default_credentials.json client_secret*.json .boto
.s3cfg .oci
.aliyun .bluemix .config/doctl .tugboat .databrickscfg .snowsql .snowflake/connections.toml .kaggle
kaggle.json
.huggingface .cache/huggingface/token .cache/huggingface/stored_tokens .modelscope/credentials
.streamlit/secrets.toml .config/rclone rclone.conf .rclone.conf .ngrok2 .vault-token .vault_pass
.vault_pass.txt
.vault-pass .vault_password .config/gh .config/hub .config/glab-cli .circleci/cli.yml
.docker/config.json .dockercfg .config/containers/auth.json .kube kubeconfig *.kubeconfig
.terraform .terraformrc terraform.rc *.tfstate *.tfstate.* *.tfvars *.tfvars.json
.pulumi/credentials.json .chef
.pgpass pgpass.conf .my.cnf .mylogin.cnf .dbeaver-data-sources.xml dbeaver-data-sources.xml
robomongo.json
.mysql_history .psql_history .sqlite_history .rediscli_history .dbshell
.bash_history .zsh_history .sh_history .python_history .node_repl_history .irb_history
.msmtprc .esmtprc .fetchmailrc .muttrc .smbcredentials .ftpconfig .remote-sync.json sftp-config.json
.vscode/sftp.json .idea/webservers.xml filezilla.xml recentservers.xml sitemanager.xml
.password-store *.kdbx *.kdb *.keychain *.keychain-db *.agilekeychain *.opvault *.psafe3 *.kwallet
credentials.xml master.key config/credentials/*.key config/secrets.yml secret_token.rb
"""
"""Patterns of a path's end, apart from capitals; `*` spans no folders."""


def _ends(patterns: tuple[str, ...]) -> re.Pattern[str]:
    alternatives = "|".join(re.escape(pattern.casefold()).replace(r"\*", "[^/]*") for pattern in patterns)
    return re.compile(rf"(?:^|/)(?:{alternatives})$")


_SECRET, _HISTORY = _ends(tuple(_SECRETS.split())), _ends(HISTORIES)


def is_secret_name(path: str) -> bool:
    """Whether a file or a folder of that path holds secrets by its name."""
    path = path.casefold()
    return _SECRET.search(path) is not None and _EXAMPLES.search(path) is None


def is_history(path: str) -> bool:
    """Whether a path is what version control keeps beside the code."""
    return _HISTORY.search(path.casefold()) is not None
