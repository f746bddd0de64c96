using System.Security.Cryptography.X509Certificates;

namespace Fairlead.Join;

/// <summary>What to type on a machine that shall join.</summary>
internal static class JoinCommandLine
{
    public static string Of(Uri server, BootstrapToken token, X509Certificate2 authority) =>
        $"fairlead agent --server {server.GetLeftPart(UriPartial.Authority)} --token {token} --ca-cert-hash {AuthorityPin.Of(authority)}";
}
