using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Kube.Client;

namespace Fairlead.ApiServer.Storage.Etcd;

/// <summary>Which etcd, and how to come to it; the names are those of kube-apiserver's options.</summary>
public sealed record EtcdOptions
{
    /// <summary>Client addresses of its members, <c>http://</c> or <c>https://</c>; the first that answers is used until it fails.</summary>
    public required IReadOnlyList<Uri> Servers { get; init; }

    /// <summary>PEM file of who signed the members' certificates; null: the machine's own trust.</summary>
    public string? CaFile { get; init; }

    /// <summary>PEM file of the certificate to present; null: none.</summary>
    public string? CertFile { get; init; }

    /// <summary>PEM file of its key.</summary>
    public string? KeyFile { get; init; }

    /// <summary>What every key begins with. Servers of one cluster name the same.</summary>
    public string Prefix { get; init; } = "/registry";

    /// <summary>How often the history is compacted; null: never. A revision stays readable for at least as long.</summary>
    public TimeSpan? CompactEvery { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>For how long one write is tried before its answer is that nobody knows.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>For how long one member is waited for.</summary>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <exception cref="StoreException">The text is no list of such addresses.</exception>
    public static IReadOnlyList<Uri> ParseServers(string text)
    {
        var servers = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (servers.Length == 0) throw new StoreException("--etcd-servers names no server; for example https://10.0.0.1:2379,https://10.0.0.2:2379");
        return [.. servers.Select(server => Uri.TryCreate(server, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? uri
            : throw new StoreException($"--etcd-servers: {server} is not an address such as https://10.0.0.1:2379"))];
    }

    /// <exception cref="StoreException">The text cannot be the beginning of a key.</exception>
    public static string ParsePrefix(string text)
    {
        var prefix = "/" + text.Trim('/');
        return prefix.Length > 1 && prefix.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '-' or '_' or '.')
            ? prefix
            : throw new StoreException($"--etcd-prefix {text} is not a prefix such as /registry");
    }

    /// <exception cref="StoreException">A file is missing or no certificate.</exception>
    internal SslClientAuthenticationOptions Tls()
    {
        try
        {
            if ((CertFile is null) != (KeyFile is null)) throw new StoreException("--etcd-certfile and --etcd-keyfile belong together");
            var authorities = new X509Certificate2Collection();
            if (CaFile is not null) authorities.ImportFromPemFile(CaFile);
            var tls = new SslClientAuthenticationOptions { CertificateChainPolicy = CaFile is null ? MachineTrust.ChainPolicy() : MachineTrust.ChainPolicy(authorities) };
            if (CertFile is not null) tls.ClientCertificates = [X509Certificate2.CreateFromPemFile(CertFile, KeyFile)];
            return tls;
        }
        catch (Exception e) when (e is IOException or CryptographicException or UnauthorizedAccessException)
        {
            throw new StoreException($"a certificate file for etcd cannot be used: {e.Message}", e);
        }
    }
}
