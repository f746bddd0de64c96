using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using k8s;
using k8s.KubeConfigModels;

namespace Fairlead.Kube.Client;

/// <summary>How to reach and whom to be at an API server.</summary>
public sealed record KubeClientConfiguration
{
    public required Uri Server { get; init; }

    /// <summary>Certificates that may sign the server's; empty means the machine's own trust.</summary>
    public X509Certificate2Collection CertificateAuthorities { get; init; } = [];

    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>One that is renewed while the client lives; it goes before <see cref="ClientCertificate"/>.</summary>
    public RenewableCertificate? RenewableCertificate { get; init; }

    public string? BearerToken { get; init; }

    /// <summary>File of the token, which is read again now and then; it goes before <see cref="BearerToken"/>.</summary>
    public string? BearerTokenFile { get; init; }
    public bool SkipTlsVerify { get; init; }

    /// <summary>Reads a kubeconfig file's current context.</summary>
    /// <exception cref="KubeClientConfigurationException">The file is missing or incomplete; the message says what to mend.</exception>
    public static KubeClientConfiguration FromFile(string path)
    {
        try
        {
            var file = new FileInfo(path);
            var config = KubernetesClientConfiguration.LoadKubeConfig(file);
            var tokens = TokenFile.Find(path);
            if (tokens is not null) TokenFile.PutToken(config, File.ReadAllText(tokens).Trim());
            var read = KubernetesClientConfiguration.BuildConfigFromConfigObject(config);
            return new KubeClientConfiguration
            {
                Server = new Uri(read.Host),
                CertificateAuthorities = ReadAuthorities(config),
                ClientCertificate = ReadClientCertificate(read),
                BearerToken = read.AccessToken,
                BearerTokenFile = tokens,
                SkipTlsVerify = read.SkipTlsVerify,
            };
        }
        catch (Exception e) when (e is k8s.Exceptions.KubeConfigException or IOException or CryptographicException or FormatException or YamlDotNet.Core.YamlException)
        {
            throw new KubeClientConfigurationException($"kubeconfig {path} cannot be used: {e.Message}", e);
        }
    }

    /// <summary>All of them: while an authority is replaced, the old and the new stand side by side.</summary>
    private static X509Certificate2Collection ReadAuthorities(K8SConfiguration config)
    {
        var cluster = config.Contexts.FirstOrDefault(context => context.Name == config.CurrentContext)?.ContextDetails.Cluster;
        var endpoint = config.Clusters.FirstOrDefault(other => other.Name == cluster)?.ClusterEndpoint;
        var found = new X509Certificate2Collection();
        if (endpoint?.CertificateAuthorityData is { Length: > 0 } data) found.ImportFromPem(FromBase64(data));
        else if (endpoint?.CertificateAuthority is { Length: > 0 } file) found.ImportFromPemFile(Path.Combine(Path.GetDirectoryName(config.FileName)!, file));
        return found;
    }

    private static X509Certificate2? ReadClientCertificate(KubernetesClientConfiguration read)
    {
        if (read.ClientCertificateData is { Length: > 0 } cert && read.ClientCertificateKeyData is { Length: > 0 } key)
            return X509Certificate2.CreateFromPem(FromBase64(cert), FromBase64(key));
        if (read.ClientCertificateFilePath is { Length: > 0 } certFile)
            return X509Certificate2.CreateFromPemFile(certFile, read.ClientKeyFilePath);
        return null;
    }

    private static string FromBase64(string text) => Encoding.UTF8.GetString(Convert.FromBase64String(text));

    /// <summary>A handler that speaks HTTP/2 where the server does, verifies its certificate and presents ours.</summary>
    public HttpMessageHandler CreateHandler() =>
        RenewableCertificate is { } renewable ? new RenewedIdentityHandler(renewable, CreateHandler) : CreateHandler(ClientCertificate);

    private SocketsHttpHandler CreateHandler(X509Certificate2? identity)
    {
        var handler = new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = true,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(2),
            KeepAlivePingDelay = TimeSpan.FromSeconds(30),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(15),
            ConnectTimeout = TimeSpan.FromSeconds(10),
            UseProxy = false,
        };
        handler.SslOptions = new SslClientAuthenticationOptions
        {
            CertificateChainPolicy = CertificateAuthorities.Count > 0 || SkipTlsVerify ? MachineTrust.ChainPolicy(CertificateAuthorities) : MachineTrust.ChainPolicy(),
            RemoteCertificateValidationCallback = (_, _, _, errors) => SkipTlsVerify || errors == SslPolicyErrors.None,
        };
        if (identity is not null)
            handler.SslOptions.ClientCertificates = [identity];
        return handler;
    }
}

/// <summary>A kubeconfig that cannot be used; the message names the file and what is wrong with it.</summary>
public sealed class KubeClientConfigurationException(string message, Exception inner) : Exception(message, inner);
