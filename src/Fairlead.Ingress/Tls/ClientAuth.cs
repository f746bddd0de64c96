using System.Net.Security;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using Fairlead.Ingress.Routes.Objects;

namespace Fairlead.Ingress.Tls;

/// <summary>Whether clients must show a certificate, as nginx' ssl_verify_client has it.</summary>
internal enum ClientVerify
{
    On,
    Off,

    /// <summary>One that is shown must be good.</summary>
    Optional,

    /// <summary>One that is shown may be anybody's: the pod decides.</summary>
    OptionalNoAuthority,
}

/// <summary>What a host asks of its clients (annotations auth-tls-*). Two that are equal ask the same.</summary>
/// <param name="Authorities">PEM, of the Secret's ca.crt.</param>
/// <param name="Revocations">PEM, of its ca.crl; empty for none.</param>
/// <param name="Depth">Most authorities between the client's certificate and one of those above.</param>
/// <param name="PassesCertificate">The pod gets the certificate.</param>
/// <param name="ErrorPage">Where those go who are refused; null: nowhere.</param>
/// <param name="NamePattern">What the subject must match; null: anything.</param>
internal sealed record ClientAuthRule(string Authorities, string Revocations, ClientVerify Verify, int Depth, bool PassesCertificate, string? ErrorPage, string? NamePattern);

/// <summary>A rule, ready to be asked.</summary>
internal sealed class ClientAuth
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private readonly X509Certificate2Collection _authorities;
    private readonly Regex? _name;

    private ClientAuth(ClientAuthRule rule, X509Certificate2Collection authorities)
    {
        (Rule, _authorities) = (rule, authorities);
        _name = rule.NamePattern is { } pattern ? new Regex(pattern, RegexOptions.CultureInvariant, Annotations.Values.RegexPatience) : null;
    }

    internal ClientAuthRule Rule { get; }

    /// <summary>What is wrong with the Secret of auth-tls-secret, or null.</summary>
    internal static string? TryMake(SecretInfo? secret, Func<SecretInfo, ClientAuthRule> rule, out ClientAuth? made)
    {
        made = null;
        if (secret is not { Authorities.Length: > 0 }) return "it does not exist, or has no key \"ca.crt\"";
        try
        {
            var authorities = new X509Certificate2Collection();
            authorities.ImportFromPem(secret.Authorities);
            if (authorities.Count == 0) return "its \"ca.crt\" holds no certificate";
            made = new ClientAuth(rule(secret), authorities);
            if (secret.Revocations.Length > 0) CertificateRevocationListBuilder.LoadPem(secret.Revocations, out _);
            return null;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            made = null;
            return $"its \"ca.crt\" or \"ca.crl\" cannot be used: {e.Message}";
        }
    }

    /// <summary>What a handshake is to ask for. It never fails for the certificate's sake: the client is told over HTTP, as nginx tells it.</summary>
    /// <param name="judged">Called in the handshake.</param>
    internal void Ask(SslServerAuthenticationOptions options, Action<ClientVerdict> judged)
    {
        options.ClientCertificateRequired = true;
        // A session that is resumed would bring a certificate that was judged by another rule.
        options.AllowTlsResume = false;
        options.CertificateRevocationCheckMode = X509RevocationMode.NoCheck;
        options.CertificateChainPolicy = ChainPolicy();
#pragma warning disable CA5359 // The request is refused for what is judged here.
        options.RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
        {
            judged(Judge(certificate as X509Certificate2, chain));
            return true;
        };
#pragma warning restore CA5359
    }

    internal bool IsNamed(string subject)
    {
        if (_name is null) return true;
        try
        {
            return _name.IsMatch(subject);
        }
        catch (RegexMatchTimeoutException)
        {
            return false;
        }
    }

    private X509ChainPolicy ChainPolicy()
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.CustomTrustStore.AddRange(_authorities);
        policy.ExtraStore.AddRange(_authorities);
        policy.ApplicationPolicy.Add(new Oid(ClientAuthentication));
        return policy;
    }

    private ClientVerdict Judge(X509Certificate2? certificate, X509Chain? chain)
    {
        if (certificate is null) return new ClientVerdict(Rule, null, "NONE", IsOnlyUntrusted: false);
        var problems = chain?.ChainStatus.Where(status => status.Status != X509ChainStatusFlags.NoError).ToArray() ?? [new X509ChainStatus { Status = X509ChainStatusFlags.PartialChain }];
        if (problems.Length > 0)
        {
            var isOnlyUntrusted = problems.All(problem => problem.Status is X509ChainStatusFlags.UntrustedRoot or X509ChainStatusFlags.PartialChain);
            return Verdict(problems[0].Status.ToString(), isOnlyUntrusted);
        }
        if (chain!.ChainElements.Count - 2 > Rule.Depth) return Verdict("the chain is longer than auth-tls-verify-depth");
        if (Rule.Revocations.Length > 0 && chain.ChainElements.Any(element => IsRevoked(element.Certificate))) return Verdict("revoked");
        return new ClientVerdict(Rule, ClientIdentity.Of(certificate), ClientVerdict.Success, IsOnlyUntrusted: false);

        ClientVerdict Verdict(string problem, bool isOnlyUntrusted = false) => new(Rule, ClientIdentity.Of(certificate), $"FAILED:{problem}", isOnlyUntrusted);
    }

    /// <summary>The list is the Secret's, and as trusted as the authorities beside it: only its numbers count.</summary>
    private bool IsRevoked(X509Certificate2 certificate)
    {
        var list = CertificateRevocationListBuilder.LoadPem(Rule.Revocations, out BigInteger _);
        return list.RemoveEntry(certificate.SerialNumberBytes.Span);
    }
}

/// <summary>What was found out of a connection's client in its handshake.</summary>
/// <param name="Rule">By which it was judged: that of the server name that the client asked for.</param>
/// <param name="Client">Null for one that showed no certificate.</param>
/// <param name="Verify">As nginx has it: NONE, SUCCESS or FAILED: and why.</param>
/// <param name="IsOnlyUntrusted">Nothing is wrong but that no authority vouches for it.</param>
internal sealed record ClientVerdict(ClientAuthRule Rule, ClientIdentity? Client, string Verify, bool IsOnlyUntrusted)
{
    internal const string Success = "SUCCESS";
}

/// <summary>A client's certificate as pods are told of it.</summary>
/// <param name="Certificate">PEM, its bytes escaped as in a URL.</param>
internal sealed record ClientIdentity(string Certificate, string Subject, string Issuer)
{
    internal static ClientIdentity Of(X509Certificate2 certificate) => new(
        Uri.EscapeDataString(certificate.ExportCertificatePem() + "\n"), DistinguishedName.Format(certificate.SubjectName), DistinguishedName.Format(certificate.IssuerName));
}
