using Fairlead.Ingress.Routes;
using Xunit;

namespace Fairlead.Unit.Ingress.Routes;

/// <summary>The tables of https://kubernetes.io/docs/concepts/services-networking/ingress/, and what ingress-nginx adds.</summary>
public sealed class RouteTableTests
{
    [Theory]
    [InlineData("Prefix /", "/any/path", true)]
    [InlineData("Exact /foo", "/foo", true)]
    [InlineData("Exact /foo", "/bar", false)]
    [InlineData("Exact /foo", "/foo/", false)]
    [InlineData("Exact /foo/", "/foo", false)]
    [InlineData("Prefix /foo", "/foo", true)]
    [InlineData("Prefix /foo", "/foo/", true)]
    [InlineData("Prefix /foo/", "/foo", true)]
    [InlineData("Prefix /foo/", "/foo/", true)]
    [InlineData("Prefix /aaa/bb", "/aaa/bbb", false)]
    [InlineData("Prefix /aaa/bbb", "/aaa/bbb", true)]
    [InlineData("Prefix /aaa/bbb/", "/aaa/bbb", true)]
    [InlineData("Prefix /aaa/bbb", "/aaa/bbb/", true)]
    [InlineData("Prefix /aaa/bbb", "/aaa/bbb/ccc", true)]
    [InlineData("Prefix /aaa/bbb", "/aaa/bbbxyz", false)]
    [InlineData("Prefix /foo", "/Foo", false)]
    [InlineData("Exact /foo", "/FOO", false)]
    [InlineData("ImplementationSpecific /foo", "/foobar", true)]
    [InlineData("ImplementationSpecific /foo", "/fo", false)]
    [InlineData("ImplementationSpecific /", "/any", true)]
    public void Find_PathTypes_AsKubernetesSays(string path, string request, bool matches) =>
        Assert.Equal(matches, new Some().Ingress("one", "a.example.com", [path]).Commit().Routes.Find("a.example.com", request) is not null);

    [Theory]
    [InlineData("/aaa/bbb", "longer")]
    [InlineData("/aaa/ccc", "shorter")]
    [InlineData("/ccc", "all")]
    [InlineData("/exact", "exact")]
    [InlineData("/exact/", "prefix")]
    [InlineData("/exact/more", "prefix")]
    public void Find_SeveralMatch_ExactThenLongestWins(string request, string service)
    {
        var routes = new Some().Ingress("one", "a.example.com", ["Prefix / all:80", "Prefix /aaa shorter:80", "Prefix /aaa/bbb longer:80", "Prefix /exact prefix:80", "Exact /exact exact:80"]).Commit().Routes;

        Assert.Equal(service, routes.Find("a.example.com", request)!.Backend!.Key.Service.Name);
    }

    [Theory]
    [InlineData("*.foo.com", "bar.foo.com", true)]
    [InlineData("*.foo.com", "baz.bar.foo.com", false)]
    [InlineData("*.foo.com", "foo.com", false)]
    [InlineData("*.foo.com", ".foo.com", false)]
    [InlineData("foo.com", "foo.com", true)]
    [InlineData("foo.com", "bar.foo.com", false)]
    [InlineData("FOO.com", "foo.com", true)]
    [InlineData("", "anything.example", true)]
    [InlineData("", "", true)]
    public void Find_Hosts_AsKubernetesSays(string host, string request, bool matches) =>
        Assert.Equal(matches, new Some().Ingress("one", host, ["Prefix /"]).Commit().Routes.Find(request, "/") is not null);

    [Fact]
    public void Find_HostOfItsOwn_WinsOverWildcardAndNone()
    {
        var routes = new Some().Ingress("any", "", ["Prefix / any:80"]).Ingress("wild", "*.foo.com", ["Prefix / wild:80"]).Ingress("own", "bar.foo.com", ["Prefix /own own:80"]).Commit().Routes;

        Assert.Equal("own", routes.Find("bar.foo.com", "/own")!.Backend!.Key.Service.Name);
        Assert.Null(routes.Find("bar.foo.com", "/else"));
        Assert.Equal("wild", routes.Find("baz.foo.com", "/else")!.Backend!.Key.Service.Name);
        Assert.Equal("any", routes.Find("foo.com", "/else")!.Backend!.Key.Service.Name);
    }

    [Fact]
    public void Find_NothingMatches_DefaultBackendOfItsOwnIngressThenOfTheOneWithoutRules()
    {
        var some = new Some();
        var own = some.Make("own", "a.example.com", ["Prefix /x x:80"]);
        own.Spec.DefaultBackend = Some.Backend("rest:80");
        some.Builder.SetIngress(new("default", "own"), Fairlead.Ingress.Routes.Objects.IngressInfo.From(own));
        var all = some.Make("all", "", []);
        (all.Spec.Rules, all.Spec.DefaultBackend) = (null, Some.Backend("everything:80"));
        some.Builder.SetIngress(new("default", "all"), Fairlead.Ingress.Routes.Objects.IngressInfo.From(all));
        var routes = some.Commit().Routes;

        Assert.Equal("x", routes.Find("a.example.com", "/x/y")!.Backend!.Key.Service.Name);
        Assert.Equal("rest", routes.Find("a.example.com", "/y")!.Backend!.Key.Service.Name);
        Assert.Equal("everything", routes.Find("b.example.com", "/y")!.Backend!.Key.Service.Name);
    }

    [Fact]
    public void Commit_TwoClaimOnePath_OlderWinsAndYoungerIsTold()
    {
        var some = new Some().Ingress("older", "a.example.com", ["Prefix /foo first:80"]).Ingress("younger", "a.example.com", ["Prefix /foo/ second:80", "Prefix /bar second:80"]);
        var routes = some.Commit().Routes;

        Assert.Equal("first", routes.Find("a.example.com", "/foo")!.Backend!.Key.Service.Name);
        Assert.Equal("second", routes.Find("a.example.com", "/bar")!.Backend!.Key.Service.Name);
        var told = Assert.Single(some.Problems);
        Assert.Equal(("younger", "PathConflict"), (told.Ingress.Name, told.Problem.Reason));
        Assert.Contains("default/older", told.Problem.Message, StringComparison.Ordinal);

        some.Builder.SetIngress(new("default", "older"), null);
        Assert.Equal("second", some.Commit().Routes.Find("a.example.com", "/foo")!.Backend!.Key.Service.Name);
        Assert.Single(some.Problems);
    }

    [Theory]
    [InlineData("/something/anything/new", "/something(/|$)(.*)", "new")]
    [InlineData("/SOMETHING", "/something(/|$)(.*)", "new")]
    [InlineData("/plain/x", "/plain", "old")]
    [InlineData("/Plainx", "/plain", "old")]
    public void Find_OneIngressUsesRegex_AllPathsOfTheHostDo(string request, string path, string ingress)
    {
        var routes = new Some()
            .Ingress("old", "a.example.com", ["Exact /plain"])
            .Ingress("new", "a.example.com", ["ImplementationSpecific /something(/|$)(.*)"], ("rewrite-target", "/$2"), ("use-regex", "true"))
            .Commit().Routes;

        var route = routes.Find("a.example.com", request);
        Assert.Equal((ingress, path), (route!.Ingress.Name, route.Path));
    }

    /// <summary>rewrite-target alone has the same effect, and types of paths none; only the beginning is compared; slashes at the end mean what they say.</summary>
    [Theory]
    [InlineData("/EXACT/more", "exact")]
    [InlineData("/prefixed", "prefix")]
    [InlineData("/re/123/x", "digits")]
    [InlineData("/re/abc", "rest")]
    [InlineData("/dot", "rest")]
    [InlineData("/dir", "rest")]
    [InlineData("/dir/x", "dir")]
    public void Find_RewriteTarget_MakesPatternsOfEveryKindOfPath(string request, string service)
    {
        var routes = new Some()
            .Ingress("plain", "a.example.com", ["Exact /exact exact:80", "Prefix /prefix prefix:80", "ImplementationSpecific /dir/ dir:80", "Prefix / rest:80"])
            .Ingress("rewritten", "a.example.com", ["ImplementationSpecific /re/[0-9]+ digits:80"], ("rewrite-target", "/"))
            .Ingress("elsewhere", "b.example.com", ["Exact /exact exact:80"])
            .Commit().Routes;

        Assert.Equal(service, routes.Find("a.example.com", request)!.Backend!.Key.Service.Name);
        Assert.Null(routes.Find("b.example.com", "/EXACT"));
    }

    [Fact]
    public void Commit_PatternThatIsNone_IsToldAndHarmsNoOther()
    {
        var some = new Some().Ingress("bad", "a.example.com", ["ImplementationSpecific /(x"], ("use-regex", "true")).Ingress("good", "a.example.com", ["Prefix /good"]);

        Assert.NotNull(some.Commit().Routes.Find("a.example.com", "/good"));
        Assert.Equal(("bad", "InvalidPath"), (Assert.Single(some.Problems).Ingress.Name, some.Problems[0].Problem.Reason));
    }

    [Fact]
    public void Commit_CanaryIngress_StandsBesideTheMainOne()
    {
        var some = new Some()
            .Ingress("canary", "a.example.com", ["Prefix / new:80"], ("canary", "true"), ("canary-weight", "10"))
            .Ingress("main", "a.example.com", ["Prefix / old:80"])
            .Ingress("lost", "b.example.com", ["Prefix / new:80"], ("canary", "true"));
        var routes = some.Commit().Routes;

        var route = routes.Find("a.example.com", "/")!;
        Assert.Equal(("old", "new", 10), (route.Backend!.Key.Service.Name, route.Canary!.Backend!.Key.Service.Name, route.Canary.Options.Canary!.Weight));
        Assert.Null(routes.Find("b.example.com", "/"));
        Assert.Equal("CanaryWithoutMain", Assert.Single(some.Problems).Problem.Reason);
    }

    /// <summary>Routes that are used again must not outlive what they were made of.</summary>
    [Fact]
    public void Commit_WhatIsBesideARoute_ChangesIt()
    {
        var some = new Some().Ingress("main", "a.example.com", ["Prefix /x"]).Ingress("beside", "a.example.com", ["Prefix /y"]);
        Route Of(string path) => some.Commit().Routes.Find("a.example.com", path)!;
        var plain = Of("/x");

        some.Ingress("canary", "a.example.com", ["Prefix /x new:80"], ("canary", "true"));
        Assert.NotNull(Of("/x").Canary);
        some.Builder.SetIngress(new("default", "canary"), null);
        Assert.Null(Of("/x").Canary);

        some.Ingress("beside", "a.example.com", ["Prefix /y"], ("use-regex", "true"));
        Assert.NotNull(Of("/X").Pattern);
        some.Ingress("beside", "a.example.com", ["Prefix /y"]);
        Assert.Null(Of("/x").Pattern);

        some.Ingress("main", "a.example.com", ["Prefix /x"], ("ssl-redirect", "false"));
        Assert.False(Of("/x").Options.SslRedirect);
        Assert.True(plain.Options.SslRedirect);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10_000)]
    public void Commit_OneOfTenThousandChanges_RebuildsOnlyItsHost(int perHost)
    {
        var some = new Some();
        for (var i = 0; i < 10_000; i++) some.Ingress($"i{i}", $"h{i / perHost}.example.com", [$"Prefix /p{i}"]);
        var untouched = some.Commit().Routes.Find($"h{9_999 / perHost}.example.com", "/p9999");
        var best = TimeSpan.MaxValue;
        for (var round = 0; round < 5; round++)
        {
            var start = TimeProvider.System.GetTimestamp();
            some.Ingress("i77", $"h{77 / perHost}.example.com", [$"Prefix /p77 changed{round}:80"]);
            var routes = some.Commit().Routes;
            var took = TimeProvider.System.GetElapsedTime(start);
            if (took < best) best = took;
            Assert.Equal($"changed{round}", routes.Find($"h{77 / perHost}.example.com", "/p77/x")!.Backend!.Key.Service.Name);
            Assert.Same(untouched, routes.Find($"h{9_999 / perHost}.example.com", "/p9999"));
        }
        TestContext.Current.SendDiagnosticMessage($"{perHost} a host: a change took {best.TotalMilliseconds:F2} ms at best");
    }

    /// <summary>What is looked at to find a route does not grow with the routes: ten thousand take no tenfold time, where looking through them would take a thousandfold.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(10_000)]
    public void Find_AmongTenThousand_TakesTheTimeOfAFew(int perHost)
    {
        double Best(int rules)
        {
            var some = new Some();
            for (var i = 0; i < rules; i++) some.Ingress($"i{i}", $"h{i / perHost}.example.com", [$"Prefix /p{i}/x"]);
            var routes = some.Commit().Routes;
            var best = double.MaxValue;
            for (var round = 0; round < 20; round++)
            {
                var start = TimeProvider.System.GetTimestamp();
                for (var i = 0; i < 1_000; i++) Assert.NotNull(routes.Find($"h{i % rules / perHost}.example.com", $"/p{i % rules}/x/y/z"));
                best = Math.Min(best, TimeProvider.System.GetElapsedTime(start).TotalMicroseconds);
            }
            return best / 1_000;
        }

        var (few, many) = (Best(10), Best(10_000));

        TestContext.Current.SendDiagnosticMessage($"{perHost} a host: a lookup takes {few:F2} µs among 10, {many:F2} µs among 10,000");
        Assert.True(many < 10 * few, $"{few:F2} µs among 10, {many:F2} µs among 10,000");
    }
}
