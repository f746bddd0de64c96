using System.Net;
using System.Text;
using Fairlead.Ingress.Annotations;
using Fairlead.Ingress.Proxy;
using Fairlead.Ingress.Routes;
using Fairlead.Kube;
using Fairlead.Unit.Ingress.Routes;
using k8s.Models;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.Ingress.Proxy;

/// <summary>Rules that need no socket.</summary>
public sealed class RuleTests
{
    private const string Host = "a.example.com";

    [Theory]
    [InlineData("/a/b?c=d", "/a/b", "?c=d")]
    [InlineData("/a//b/./c/../d", "/a/b/d", "")]
    [InlineData("/%61%2Fb", "/a/b", "")]
    [InlineData("/a#/../b?c", "/a", "")]
    [InlineData("/a?b#c", "/a", "?b")]
    [InlineData("/a/..", "/", "")]
    [InlineData("/a/.", "/a/", "")]
    [InlineData("//", "/", "")]
    [InlineData("http://other/x?y", "/x", "?y")]
    [InlineData("http://other", "/", "")]
    [InlineData("/caf%C3%A9", "/café", "")]
    [InlineData("/..", null, "")]
    [InlineData("/a/../../b", null, "")]
    [InlineData("/%2e%2e/b", null, "")]
    [InlineData("/%", null, "")]
    [InlineData("/%4", null, "")]
    [InlineData("/%00", null, "")]
    [InlineData("*", null, "")]
    public void Target_IsNormalizedAsNginxDoes(string raw, string? path, string query)
    {
        var target = RequestTarget.Parse(raw);

        Assert.Equal((path, path is null ? null : query), (target?.Path, target?.Query));
    }

    [Theory]
    [InlineData("secret", "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/", false)]
    [InlineData("myPassword", "$apr1$qHDFfhPC$nITSVHgYbDAK1Y0acGRnY0", true)]
    [InlineData("other", "$apr1$qHDFfhPC$nITSVHgYbDAK1Y0acGRnY0", false)]
    [InlineData("myPassword", "{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=", true)]
    [InlineData("x", "{PLAIN}x", true)]
    [InlineData("x", "$2y$05$garbage", false)]
    [InlineData("password", "$5$saltstring$UdxyBEHDmMx9MtGb2dGzRfPsQrlfiA0vBrUVgISs0/.", false)]
    public void Password_HashesOfHtpasswd_AreKnown(string password, string hash, bool matches) => Assert.Equal(matches, Passwords.Verify(password, hash));

    /// <summary>Written by crypt(3) and by `openssl passwd -6`.</summary>
    [Theory]
    [InlineData("$2y$05$abcdefghijklmnopqrstuu7nFISH/8YdwlXD3lw69A4iBUf6fvWAW")]
    [InlineData("$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1")]
    public void Password_HashesOfTheCLibrary_AreVerified(string hash)
    {
        Assert.True(Passwords.Verify("Hello world!", hash));
        Assert.False(Passwords.Verify("Hello world", hash));
        Assert.True(Passwords.VerifyRemembering("Hello world!", hash));
        Assert.True(Passwords.VerifyRemembering("Hello world!", hash));
    }

    [Theory]
    [InlineData("", "auth", "# users\njane:{PLAIN}x\nnonsense\n", "jane", "x", true)]
    [InlineData("auth-file", "auth", "jane:{PLAIN}x", "jane", "y", false)]
    [InlineData("auth-map", "jane", "{PLAIN}x\n", "jane", "x", true)]
    [InlineData("auth-map", "jane", "{PLAIN}x", "joe", "x", false)]
    [InlineData("auth-map", "jane", "$apr1$qHDFfhPC$nITSVHgYbDAK1Y0acGRnY0", "jane", "myPassword", true)]
    public void BasicAuth_EitherFormOfTheSecret_HoldsTheUsers(string type, string key, string value, string user, string password, bool comesIn)
    {
        (string, string)[] annotations = [("auth-type", "basic"), ("auth-secret", "users"), ("auth-realm", "here"), .. type.Length > 0 ? new[] { ("auth-secret-type", type) } : []];
        var some = new Some().Secret("users", (key, value)).Ingress("one", Host, ["Prefix /"], annotations);

        var auth = some.Commit().Routes.Find(Host, "/")!.Options;

        Assert.Empty(some.Problems);
        Assert.Null(auth.Denied);
        Assert.Equal(comesIn ? user : null, BasicAuth.User(auth.BasicAuth!, "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))));
        Assert.Null(BasicAuth.User(auth.BasicAuth!, null));
        Assert.Equal("Basic realm=\"here\"", BasicAuth.Challenge(auth.BasicAuth!));
    }

    [Theory]
    [InlineData("auth-map", "auth")]
    [InlineData("auth-file", "jane")]
    public void BasicAuth_SecretOfTheOtherForm_Denies(string type, string key)
    {
        var some = new Some().Secret("users", (key, "no hash")).Ingress("one", Host, ["Prefix /"], ("auth-type", "basic"), ("auth-secret", "users"), ("auth-secret-type", type));

        Assert.NotNull(some.Commit().Routes.Find(Host, "/")!.Options.Denied);
        Assert.Equal("AuthSecret", Assert.Single(some.Problems).Problem.Reason);
    }

    [Fact]
    public void Decide_RedirectsAndGuards_InNginxOrder()
    {
        Assert.Equal(new Decision(308, $"https://{Host}/x?y"), Decide(Made("/x?y"), ("force-ssl-redirect", "true")));
        Assert.Equal(new Decision(302, $"http://{Host}/app"), Decide(Made("/"), ("app-root", "/app")));
        Assert.Equal(Decision.GoOn, Decide(Made("/x"), ("app-root", "/app")));
        Assert.Equal(new Decision(301, "https://new.example.com/x"), Decide(Made("/x"), ("permanent-redirect", "https://new.example.com$request_uri")));
        Assert.Equal(new Decision(403), Decide(Made("/x"), ("whitelist-source-range", "10.0.0.0/8")));
        Assert.Equal(new Decision(403), Decide(Made("/x"), ("denylist-source-range", "192.0.2.0/24")));
        Assert.Equal(Decision.GoOn, Decide(Made("/x"), ("whitelist-source-range", "192.0.2.1")));
        Assert.Equal(new Decision(503), Decide(Made("/x"), ("whitelist-source-range", "nonsense")));
    }

    [Theory]
    [InlineData("ImplementationSpecific /foo/", "/foo", "/foo/")]
    [InlineData("ImplementationSpecific /foo/", "/foo?a=b", "/foo/?a=b")]
    [InlineData("ImplementationSpecific /foo/", "//x/../f%6Fo", "/foo/")]
    [InlineData("ImplementationSpecific /café/", "/caf%C3%A9", "/caf%C3%A9/")]
    [InlineData("ImplementationSpecific /foo/", "/foo/", null)]
    [InlineData("ImplementationSpecific /foo/", "/foox", "none")]
    [InlineData("ImplementationSpecific /foo", "/foo", null)]
    [InlineData("ImplementationSpecific /foo/;ImplementationSpecific /foo", "/foo", null)]
    [InlineData("ImplementationSpecific /foo/;Exact /foo", "/foo", null)]
    [InlineData("ImplementationSpecific /foo/;Prefix /foo", "/foo", null)]
    [InlineData("ImplementationSpecific /foo/;Prefix /", "/foo", "/foo/")]
    [InlineData("Prefix /foo/", "/foo", null)]
    [InlineData("Exact /foo/", "/foo", "none")]
    public void TrailingSlash_OfATextThatLacksIt_IsRedirectedTo(string paths, string asked, string? location)
    {
        var request = Made(asked);
        var route = new Some().Ingress("one", Host, paths.Split(';')).Commit().Routes.Find(Host, request.Target.Path);

        if (location == "none") Assert.Null(route);
        else Assert.Equal(location is null ? Decision.GoOn : new Decision(301, $"http://{Host}{location}"), Policy.Decide(route!, request, 443));
    }

    [Theory]
    [InlineData("X-Canary", "always", "", 99, true)]
    [InlineData("X-Canary", "never", "", 0, false)]
    [InlineData("X-Canary", "other", "c=always", 99, true)]
    [InlineData("", "", "c=never", 0, false)]
    [InlineData("", "", "", 19, true)]
    [InlineData("", "", "", 20, false)]
    public void Canary_HeaderThenCookieThenWeight(string header, string value, string cookie, int drawn, bool canary)
    {
        var route = new Some().Ingress("main", Host, ["Prefix /"])
            .Ingress("canary", Host, ["Prefix /"], ("canary", "true"), ("canary-by-header", "X-Canary"), ("canary-by-cookie", "c"), ("canary-weight", "20"))
            .Commit().Routes.Find(Host, "/")!;

        Assert.Equal(canary ? "canary" : "main", CanaryChoice.Choose(route, Made("/", (header, value), ("Cookie", cookie)), _ => drawn).Ingress.Name);
    }

    [Fact]
    public void Limiter_LetsTheBurstThrough_AndThenTheRate()
    {
        var time = new FakeTimeProvider();
        var limiter = new RateLimiter(time);
        var route = new Some().Ingress("one", Host, ["Prefix /"], ("limit-rps", "2"), ("limit-burst-multiplier", "2")).Commit().Routes.Find(Host, "/")!;
        var client = IPAddress.Parse("192.0.2.1");

        Assert.Equal(5, Enumerable.Range(0, 20).Count(_ => limiter.TryEnter(route, client)));
        Assert.True(limiter.TryEnter(route, IPAddress.Parse("192.0.2.2")));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, Enumerable.Range(0, 20).Count(_ => limiter.TryEnter(route, client)));
    }

    [Fact]
    public void Limiter_CountsConnectionsUnderWay()
    {
        var limiter = new RateLimiter(new FakeTimeProvider());
        var route = new Some().Ingress("one", Host, ["Prefix /"], ("limit-connections", "1")).Commit().Routes.Find(Host, "/")!;
        var client = IPAddress.Parse("192.0.2.1");

        Assert.True(limiter.TryEnter(route, client));
        Assert.False(limiter.TryEnter(route, client));
        limiter.Leave(route, client);
        Assert.True(limiter.TryEnter(route, client));
    }

    [Fact]
    public void Balancer_HashBy_KeepsAClientsEndpoint_WhenOthersGo()
    {
        var some = new Some().Service("web", new V1ServiceSpec { Ports = [new V1ServicePort { Port = 80 }] }).Ingress("one", Host, ["Prefix /"], ("upstream-hash-by", "$arg_user"));
        Discoveryv1EndpointPort[] ports = [new() { Port = 8080 }];
        some.Slice("web", "1", ports, [.. Enumerable.Range(1, 5).Select(i => Some.At($"10.0.0.{i}", $"p{i}"))]);
        var route = some.Commit().Routes.Find(Host, "/")!;
        var balancer = new Balancer(TimeProvider.System);
        string Of(int user) => balancer.Pick(route.Backend!, route.Options, Made($"/?user={user}"), [])!.Host;
        var before = Enumerable.Range(0, 200).ToDictionary(user => user, Of);

        some.Slice("web", "1", ports, [.. Enumerable.Range(2, 4).Select(i => Some.At($"10.0.0.{i}", $"p{i}"))]);

        Assert.Equal(5, before.Values.Distinct().Count());
        Assert.All(before.Where(pair => pair.Value != "10.0.0.1"), pair => Assert.Equal(pair.Value, Of(pair.Key)));
    }

    [Fact]
    public void Backends_NamedPortsDrainingAndExternalNames_Resolve()
    {
        var some = new Some()
            .Service("web", new V1ServiceSpec { Ports = [new V1ServicePort { Name = "http", Port = 80 }, new V1ServicePort { Name = "admin", Port = 81 }] })
            .Service("ext", new V1ServiceSpec { Type = "ExternalName", ExternalName = "api.example.com." })
            .Service("self", new V1ServiceSpec { Type = "ExternalName", ExternalName = "localhost" })
            .Ingress("one", Host, ["Prefix /named web:admin", "Prefix /numbered web:80", "Prefix /wrong web:82", "Prefix /ext ext:8443", "Prefix /self self:80"]);
        some.Slice("web", "1", [new() { Name = "http", Port = 8080 }, new() { Name = "admin", Port = 9090 }], Some.At("10.0.0.1", "a"), Some.At("10.0.0.2", "b", ready: false, draining: true));
        var routes = some.Commit().Routes;
        string[] Of(string path) => [.. routes.Find(Host, path)!.Backend!.State.Endpoints.Select(endpoint => endpoint.Authority)];

        Assert.Equal(["10.0.0.1:9090"], Of("/named"));
        Assert.Equal(["10.0.0.1:8080"], Of("/numbered"));
        Assert.Empty(Of("/wrong"));
        Assert.Equal(["api.example.com:8443"], Of("/ext"));
        Assert.Empty(Of("/self"));
        some.Slice("web", "1", [new() { Name = "http", Port = 8080 }, new() { Name = "admin", Port = 9090 }], Some.At("10.0.0.2", "b", ready: false, draining: true));
        Assert.Equal(["10.0.0.2:9090"], Of("/named"));
    }

    [Theory]
    [InlineData("fairlead", null, true)]
    [InlineData("nginx", null, false)]
    [InlineData(null, "fairlead", true)]
    [InlineData(null, "nginx", false)]
    [InlineData("nginx", "fairlead", true)]
    [InlineData("missing", null, false)]
    [InlineData(null, null, true)]
    public void Class_FieldAnnotationAndDefault_SayWhoseItIs(string? field, string? annotation, bool ours)
    {
        var classes = new Dictionary<string, Fairlead.Ingress.Routes.Objects.IngressClassInfo>
        {
            ["fairlead"] = new("fairlead", Some.Controller, IsDefault: true), ["nginx"] = new("nginx", "k8s.io/ingress-nginx", IsDefault: false),
        };

        Assert.Equal(ours, new ClassRule(Some.Controller, "fairlead", WithoutClass: false).Owns(new() { ClassName = field, ClassAnnotation = annotation }, classes));
    }

    private static Decision Decide(Asked request, params (string, string)[] annotations) =>
        Policy.Decide(new Some().Ingress("one", Host, ["Prefix /"], annotations).Commit().Routes.Find(Host, "/")!, request, 443);

    private static Asked Made(string target, params (string Name, string Value)[] fields) =>
        new(RequestTarget.Parse(target)!.Value, fields.Where(field => field.Name.Length > 0 && field.Value.Length > 0).ToDictionary(field => field.Name, field => field.Value, StringComparer.OrdinalIgnoreCase));

    private sealed record Asked(RequestTarget Target, Dictionary<string, string> Fields) : IRequest
    {
        public string Method => "GET";
        public string Host => RuleTests.Host;
        public string Authority => RuleTests.Host;
        public bool IsHttps => false;
        public IPAddress Client { get; } = IPAddress.Parse("192.0.2.1");
        public string Id => "id";
        public long? ContentLength => null;

        public string? Header(string name) => Fields.GetValueOrDefault(name);
    }
}
