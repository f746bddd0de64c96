using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using k8s;

namespace Fairlead.Kube.Client;

/// <summary>How to reach and whom to be at an API server.</summary>
public sealed record KubeClientConfiguration
{
    public required Uri Server { get; init; }

    /// <summary>Certificates that may sign the server's; empty means the machine's own trust.</summary>
    public X509Certificate2Collection CertificateAuthorities { get; init; } = [];

    public X509Certificate2? ClientCertificate { get; init; }
    public string? BearerToken { get; init; }
    public bool SkipTlsVerify { get; init; }

    /// <summary>Reads a kubeconfig file's current context.</summary>
    /// <exception cref="KubeClientConfigurationException">The file is missing or incomplete; the message says what to mend.</exception>
    public static KubeClientConfiguration FromFile(string path)
    {
        try
        {
            var read = KubernetesClientConfiguration.BuildConfigFromConfigFile(new FileInfo(path));
            return new KubeClientConfiguration
            {
                Server = new Uri(read.Host),
                CertificateAuthorities = read.SslCaCerts ?? [],
                ClientCertificate = ReadClientCertificate(read),
                BearerToken = read.AccessToken,
                SkipTlsVerify = read.SkipTlsVerify,
            };
        }
        catch (Exception e) when (e is k8s.Exceptions.KubeConfigException or IOException or CryptographicException or FormatException or YamlDotNet.Core.YamlException)
        {
            throw new KubeClientConfigurationException($"kubeconfig {path} cannot be used: {e.Message}", e);
        }
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
    public SocketsHttpHandler CreateHandler()
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
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) => Accepts(certificate, chain, errors),
        };
        if (ClientCertificate is not null)
            handler.SslOptions.ClientCertificates = [ClientCertificate];
        return handler;
    }

    private bool Accepts(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (SkipTlsVerify || errors == SslPolicyErrors.None) return true;
        if (certificate is null || chain is null || CertificateAuthorities.Count == 0) return false;
        if ((errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != 0) return false;
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Clear();
        chain.ChainPolicy.CustomTrustStore.AddRange(CertificateAuthorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build((X509Certificate2)certificate);
    }
}

/// <summary>A kubeconfig that cannot be used; the message names the file and what is wrong with it.</summary>
public sealed class KubeClientConfigurationException(string message, Exception inner) : Exception(message, inner);
