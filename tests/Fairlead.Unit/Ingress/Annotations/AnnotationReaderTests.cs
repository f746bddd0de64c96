using System.Net;
using Fairlead.Ingress.Annotations;
using Xunit;

namespace Fairlead.Unit.Ingress.Annotations;

/// <summary>ingress-nginx' annotations as data.</summary>
public sealed class AnnotationReaderTests
{
    [Fact]
    public void Read_KnownOnes_BecomeOptions()
    {
        var options = Read(out var problems,
            ("rewrite-target", "/$1"), ("use-regex", "true"), ("ssl-redirect", "false"), ("backend-protocol", "GRPC"), ("proxy-body-size", "8m"), ("proxy-read-timeout", "120"),
            ("affinity", "cookie"), ("session-cookie-name", "route"), ("session-cookie-samesite", "Lax"), ("whitelist-source-range", "10.1.2.3/8, 192.0.2.1"), ("enable-cors", "true"),
            ("cors-allow-origin", "https://*.example.com"), ("permanent-redirect", "https://example.com/"), ("permanent-redirect-code", "308"), ("custom-http-errors", "404,503"),
            ("canary", "true"), ("canary-weight", "25"), ("limit-rps", "5"), ("upstream-hash-by", "$remote_addr"), ("auth-url", "http://auth.example.com/check"), ("auth-response-headers", "X-User, X-Group"));

        Assert.Empty(problems);
        Assert.Equal(("/$1", true, false, BackendProtocol.Grpc, 8L << 20, TimeSpan.FromMinutes(2)), (options.RewriteTarget, options.UseRegex, options.SslRedirect, options.Protocol, options.BodySize, options.ReadTimeout));
        Assert.Equal(("route", "Lax"), (options.Affinity!.CookieName, options.Affinity.SameSite));
        Assert.Equal([IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("192.0.2.1/32")], options.Allowed);
        Assert.Equal(new Redirect("https://example.com/", 308), options.Redirect);
        Assert.Equal((25, 5), (options.Canary!.Weight, options.Limits.RequestsPerSecond));
        Assert.Equal(new HashPart(HashSource.RemoteAddress, ""), options.HashBy!.Parts[0]);
        Assert.Equal(["X-User", "X-Group"], options.ExternalAuth!.ResponseHeaders);
    }

    [Theory]
    [InlineData("no-such", "x", "UnknownAnnotation", false)]
    [InlineData("ssl-redirect", "maybe", "InvalidAnnotation", false)]
    [InlineData("proxy-body-size", "8 apples", "InvalidAnnotation", false)]
    [InlineData("proxy-read-timeout", "0", "InvalidAnnotation", false)]
    [InlineData("backend-protocol", "FCGI", "InvalidAnnotation", false)]
    [InlineData("session-cookie-name", "a b", "InvalidAnnotation", false)]
    [InlineData("upstream-vhost", "a\r\nX: evil", "InvalidAnnotation", false)]
    [InlineData("configuration-snippet", "return 200;", "InvalidAnnotation", false)]
    [InlineData("server-snippet", "return 200;", "InvalidAnnotation", false)]
    [InlineData("canary-by-header-pattern", "(", "InvalidAnnotation", false)]
    [InlineData("upstream-hash-by", "$no_such", "InvalidAnnotation", false)]
    [InlineData("whitelist-source-range", "10.0.0.0/40", "InvalidAnnotation", true)]
    [InlineData("auth-type", "digest", "InvalidAnnotation", true)]
    [InlineData("auth-tls-verify-client", "maybe", "InvalidAnnotation", true)]
    [InlineData("auth-tls-match-cn", "(", "InvalidAnnotation", true)]
    [InlineData("auth-tls-error-page", "/why", "InvalidAnnotation", false)]
    [InlineData("auth-secret-type", "auth-else", "InvalidAnnotation", true)]
    [InlineData("limit-rps", "-1", "InvalidAnnotation", true)]
    public void Read_UnknownOrWrong_IsAProblem_AndAGuardDenies(string name, string value, string reason, bool denies)
    {
        var options = Read(out var problems, (name, value));

        Assert.Equal(reason, Assert.Single(problems).Reason);
        Assert.Contains($"nginx.ingress.kubernetes.io/{name}", problems[0].Message, StringComparison.Ordinal);
        Assert.Equal(denies, options.Denied is not null);
    }

    /// <summary>Those that people bring along from ingress-nginx most: each has an effect, or is refused by name.</summary>
    [Theory]
    [InlineData("rewrite-target use-regex app-root ssl-redirect force-ssl-redirect permanent-redirect permanent-redirect-code temporal-redirect temporal-redirect-code server-alias")]
    [InlineData("backend-protocol upstream-vhost x-forwarded-prefix service-upstream load-balance upstream-hash-by proxy-body-size proxy-connect-timeout proxy-read-timeout proxy-send-timeout")]
    [InlineData("affinity affinity-mode affinity-canary-behavior session-cookie-name session-cookie-path session-cookie-domain session-cookie-samesite session-cookie-conditional-samesite-none session-cookie-secure session-cookie-max-age")]
    [InlineData("session-cookie-expires session-cookie-change-on-failure enable-cors cors-allow-origin cors-allow-methods cors-allow-headers cors-expose-headers cors-allow-credentials cors-max-age")]
    [InlineData("whitelist-source-range allowlist-source-range denylist-source-range auth-type auth-secret auth-secret-type auth-realm limit-rps limit-rpm limit-connections limit-burst-multiplier limit-whitelist")]
    [InlineData("auth-url auth-signin auth-signin-redirect-param auth-method auth-response-headers auth-request-redirect auth-always-set-cookie")]
    [InlineData("auth-tls-secret auth-tls-verify-client auth-tls-verify-depth auth-tls-match-cn auth-tls-pass-certificate-to-upstream auth-tls-error-page")]
    [InlineData("canary canary-weight canary-weight-total canary-by-header canary-by-header-value canary-by-header-pattern canary-by-cookie")]
    [InlineData("custom-http-errors default-backend configuration-snippet server-snippet")]
    public void Known_AreInTheTable(string names) => Assert.All(names.Split(' '), name => Assert.True(AnnotationTable.Rows.ContainsKey(name), name));

    /// <summary>docs/ingress.md is for people who look for theirs.</summary>
    [Fact]
    public void Page_NamesEveryAnnotation_AndNoOther()
    {
        var page = File.ReadLines(Path.Combine(RepositoryRoot(), "docs", "ingress.md")).SkipWhile(line => line != "## Annotations").Skip(1).TakeWhile(line => !line.StartsWith('#')).Where(line => line.StartsWith('|'));

        var named = page.SelectMany(line => line.Split('`').Where((_, index) => index % 2 == 1)).Order(StringComparer.Ordinal);

        Assert.Equal(AnnotationTable.Rows.Keys.Order(StringComparer.Ordinal), named);
    }

    private static string RepositoryRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Fairlead.slnx"))) folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("the tests do not run inside the repository");
        return folder;
    }

    private static RouteOptions Read(out List<Problem> problems, params (string Name, string Value)[] annotations)
    {
        problems = [];
        return AnnotationReader.Read(annotations.Select(pair => KeyValuePair.Create(pair.Name, pair.Value)), problems);
    }
}
