"""Which names tell of secrets, and which only sound like it."""

import pytest

from builder.values.secret_names import is_history, is_secret_name


@pytest.mark.parametrize(
    "path",
    [
        ".env", "a/.env.local", ".env.test", ".ENV", ".ssh", "a/.ssh", "id_ed25519", "keys/ID_RSA",
        ".gnupg", ".netrc", "_netrc", ".pypirc", ".aws", ".azure", ".config/gcloud",
        "application_default_credentials.json", ".docker/config.json", ".kube", "kubeconfig",
        "prod.kubeconfig", ".git-credentials", ".htpasswd", ".pgpass", ".my.cnf", "terraform.tfstate",
        "a/terraform.tfstate.backup", "prod.tfvars", "config/master.key",
        "config/credentials/production.key", ".streamlit/secrets.toml", "passwords.kdbx",
        "client_secret_1.json", ".bash_history", "ssh_host_rsa_key", "login.keychain-db", "key.ppk",
    ],
)  # fmt: skip
def test_names_of_secrets(path: str) -> None:
    assert is_secret_name(path)


@pytest.mark.parametrize(
    "path",
    [
        ".env.example", ".env.sample", "a/.env.template", ".env.local.example", ".env-example", "env",
        "env.py", "environment", "id_rsa.pub", "id_rsa.py", "ssh", "aws/client.py", "config.json",
        "docker/config.json", "settings.py", "key.py", "cacert.pem", "public.key.txt",
        "config/credentials/readme.md", "kube.py", "secrets.py", "tokens.txt", "keychain.py", "netrc.py",
        "git", ".gitignore", ".gitattributes", ".dockerignore", "credentials.py",
    ],
)  # fmt: skip
def test_names_that_only_sound_like_it(path: str) -> None:
    assert not is_secret_name(path)
    assert not is_history(path)


@pytest.mark.parametrize("path", [".git", "a/.git", ".hg", ".svn"])
def test_histories(path: str) -> None:
    assert is_history(path)
    assert not is_secret_name(path)
