"""The cluster's keys, made by openssl for one run."""

import subprocess


def openssl(*arguments, folder, text=None):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, input=text, text=True)


def make(folder, address):
    """ca, api (the API server's), front (its client's for aggregated APIs) and sa (tokens): NAME.key, NAME.crt."""
    openssl("genrsa", "-out", "sa.key", "2048", folder=folder)
    openssl("rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub", folder=folder)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-days", "2",
            "-subj", "/CN=cluster-test", folder=folder)
    names = f"subjectAltName=IP:127.0.0.1,IP:10.96.0.1,IP:{address},DNS:kubernetes.default.svc"
    for name, subject in (("api", "kube-apiserver"), ("front", "front-proxy-client")):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                "-subj", f"/CN={subject}", folder=folder)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "2", "-out", f"{name}.crt", "-extfile", "/dev/stdin", folder=folder, text=names)
