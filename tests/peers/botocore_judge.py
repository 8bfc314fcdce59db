"""Tells what botocore decides on machines that standard input describes, and asks nobody.

Input: a JSON list of {"home": folder, "env": {name: value}}.
Output: a JSON list, one answer for each.
Argument: whom to ask, `botocore` or `awscli`: version 2 of the AWS CLI brings a botocore of its own.

Providers that would ask somebody answer with stand-ins; every connection is refused.
"""

import importlib
import json
import os
import socket
import sys

# From here on `awscli` makes `botocore` mean its own.
importlib.import_module(sys.argv[1])

from botocore import configprovider, credentials, session  # noqa: E402


def refuse(*_arguments, **_options):
    raise AssertionError("the judge asked somebody")


socket.socket.connect = refuse
socket.create_connection = refuse


def stand_in(method):
    return lambda *_arguments: credentials.Credentials("ASKED", "ASKED", method=method)


# Whether a profile has such a provider is decided before these are reached.
credentials.ProcessProvider._retrieve_credentials_using = lambda *_: {
    "access_key": "ASKED",
    "secret_key": "ASKED",
}
credentials.ContainerProvider._retrieve_or_fail = stand_in("container-role")


def metadata(self):
    disabled = os.environ.get("AWS_EC2_METADATA_DISABLED", "false").lower() == "true"
    return None if disabled else stand_in("iam-role")()


credentials.InstanceMetadataProvider.load = metadata
if hasattr(credentials, "LoginCredentialFetcher"):
    credentials.LoginCredentialFetcher.load_cached_credentials = lambda _self: {
        "access_key": "ASKED",
        "secret_key": "ASKED",
        "token": "ASKED",
        "expiry_time": "2099-01-01T00:00:00Z",
        "account_id": None,
    }
    # What botocore[crt] brings; nothing of it is used before somebody is asked.
    if getattr(credentials, "EC", refuse) is None:
        credentials.EC = object()


def static(found):
    """The key id, where it is known without asking: reading it from deferred credentials would ask."""
    if type(found) is credentials.Credentials and found.access_key != "ASKED":
        return found.access_key
    return None


def judge(machine):
    os.environ.clear()
    os.environ.update(machine["env"], HOME=machine["home"])
    answer = {"profile": None, "region": None, "method": None, "access_key_id": None,
              "ca_bundle": None, "endpoint": None, "error": None}
    try:
        judged = session.Session()
        answer["profile"] = judged.get_config_variable("profile")
        judged.get_scoped_config()
        answer["region"] = judged.get_config_variable("region")
        answer["ca_bundle"] = judged.get_config_variable("ca_bundle")
        found = judged.get_component("credential_provider").load_credentials()
        if found is not None:
            answer["method"] = found.method
            answer["access_key_id"] = static(found)
        if hasattr(configprovider, "ConfiguredEndpointProvider"):
            answer["endpoint"] = configprovider.ConfiguredEndpointProvider(
                full_config=judged.full_config,
                scoped_config=judged.get_scoped_config(),
                client_name="bedrock",
            ).provide()
    except Exception as error:
        answer["error"] = type(error).__name__
    return answer


def known():
    """What this version has: older ones lack some providers."""
    return {
        "login": hasattr(credentials, "LoginProvider"),
        "endpoint": hasattr(configprovider, "ConfiguredEndpointProvider"),
    }


json.dump({"known": known(), "answers": [judge(one) for one in json.load(sys.stdin)]}, sys.stdout)
