namespace Fairlead.Ingress.Tls;

/// <summary>Certificates by host name at one moment: a name's own, else that of the wildcard above it. Immutable.</summary>
/// <param name="hosts">Lower case; *.example.com for a wildcard. Not to be changed afterwards.</param>
internal sealed class CertificateTable(Dictionary<string, NamedCertificate> hosts)
{
    internal static readonly CertificateTable Empty = new(new(StringComparer.Ordinal));

    internal IEnumerable<KeyValuePair<string, NamedCertificate>> All => hosts;

    internal Dictionary<string, NamedCertificate> CopyHosts() => new(hosts, StringComparer.Ordinal);

    /// <summary>Null: the self-signed one has to do.</summary>
    internal ServingCertificate? Find(string serverName)
    {
        var name = serverName.ToLowerInvariant().TrimEnd('.');
        if (hosts.TryGetValue(name, out var found)) return found.Certificate;
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && hosts.TryGetValue("*" + name[dot..], out found) ? found.Certificate : null;
    }
}

/// <param name="Secret">Where it is from.</param>
internal readonly record struct NamedCertificate(ServingCertificate Certificate, Kube.ObjectKey Secret);
