using System.Security.Cryptography.X509Certificates;

namespace Fairlead.Kube.Client;

/// <summary>
/// The public authorities that the machine trusts, read when something first needs them: a server that speaks only to its own
/// cluster never does, and reading them costs more than all the rest of a TLS connection.
/// </summary>
public static class MachineTrust
{
    /// <summary>Where distributions keep all of them in one file (Debian, Fedora, SUSE, Alpine).</summary>
    private static readonly string[] Bundles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"];

    private static readonly Lazy<X509Certificate2Collection> Authorities = new(Read);

    /// <summary>For servers that are not the cluster's own: registries, resolvers, API servers whose kubeconfig names no authority.</summary>
    public static X509ChainPolicy ChainPolicy() => ChainPolicy(Authorities.Value);

    /// <summary>Trusts these and nobody else.</summary>
    public static X509ChainPolicy ChainPolicy(X509Certificate2Collection authorities)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(authorities);
        return policy;
    }

    /// <summary>OpenSSL's variables go before the usual places.</summary>
    private static X509Certificate2Collection Read()
    {
        var found = new X509Certificate2Collection();
        if (Environment.GetEnvironmentVariable("SSL_CERT_DIR") is { Length: > 0 } folders)
        {
            foreach (var file in folders.Split(':').Where(Directory.Exists).SelectMany(Directory.EnumerateFiles)) found.ImportFromPemFile(file);
        }
        var bundle = Environment.GetEnvironmentVariable("SSL_CERT_FILE") is { Length: > 0 } named ? named : Bundles.FirstOrDefault(File.Exists);
        if (bundle is not null && File.Exists(bundle)) found.ImportFromPemFile(bundle);
        return found;
    }
}
