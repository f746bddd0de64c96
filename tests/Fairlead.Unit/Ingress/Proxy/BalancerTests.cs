using System.Net;
using Fairlead.Ingress.Annotations;
using Fairlead.Ingress.Proxy;
using Fairlead.Ingress.Routes;
using Fairlead.Unit.Ingress.Routes;
using k8s.Models;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.Ingress.Proxy;

/// <summary>Least requests and EWMA (annotation load-balance), and what is left out.</summary>
public sealed class BalancerTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void LeastRequests_TheBusierOfTwo_IsNotChosen()
    {
        var (balancer, route) = Make("least_conn", 2);
        var busy = route.Backend!.State.Endpoints[0];
        busy.Begin();

        Assert.DoesNotContain(busy, Many(balancer, route));
        busy.End();
        Assert.Contains(busy, Many(balancer, route));
    }

    [Fact]
    public void LeastRequests_AmongMany_TheBusiestIsNeverChosen()
    {
        var (balancer, route) = Make("least_conn", 5);
        foreach (var (endpoint, requests) in route.Backend!.State.Endpoints.Zip([0, 1, 2, 3, 4]))
        {
            for (var i = 0; i < requests; i++) endpoint.Begin();
        }

        var chosen = Many(balancer, route).CountBy(endpoint => endpoint.InFlight).ToDictionary();

        Assert.False(chosen.ContainsKey(4));
        Assert.True(chosen[0] > chosen[2], "the idle one is chosen more often");
    }

    [Fact]
    public void Ewma_TheSlowerOfTwo_IsNotChosen_UntilItIsFaster()
    {
        var (balancer, route) = Make("ewma", 2);
        var (slow, fast) = (route.Backend!.State.Endpoints[0], route.Backend.State.Endpoints[1]);
        Answer(slow, 500);
        Answer(fast, 5);

        Assert.DoesNotContain(slow, Many(balancer, route));

        // The average forgets within some tens of seconds.
        for (var i = 0; i < 10; i++)
        {
            Answer(slow, 1);
            Answer(fast, 100);
        }
        Assert.DoesNotContain(fast, Many(balancer, route));
    }

    [Fact]
    public void Ewma_RequestsUnderWay_Count()
    {
        var (balancer, route) = Make("ewma", 2);
        var (fast, slow) = (route.Backend!.State.Endpoints[0], route.Backend.State.Endpoints[1]);
        Answer(fast, 10);
        Answer(slow, 30);

        Assert.DoesNotContain(slow, Many(balancer, route));
        for (var i = 0; i < 5; i++) fast.Begin();
        Assert.DoesNotContain(fast, Many(balancer, route));
    }

    [Theory]
    [InlineData("round_robin")]
    [InlineData("least_conn")]
    [InlineData("ewma")]
    public void Failed_IsLeftOut_ForAWhile_UnlessAllAre(string way)
    {
        var (balancer, route) = Make(way, 3);
        var endpoints = route.Backend!.State.Endpoints;
        endpoints[0].Failed(_time);

        Assert.DoesNotContain(endpoints[0], Many(balancer, route));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Contains(endpoints[0], Many(balancer, route));
        foreach (var endpoint in endpoints) endpoint.Failed(_time);
        Assert.NotNull(balancer.Pick(route.Backend, route.Options, Nobody.Instance, []));
        Assert.Null(balancer.Pick(route.Backend, route.Options, Nobody.Instance, endpoints));
    }

    private void Answer(Endpoint endpoint, int milliseconds)
    {
        _time.Advance(TimeSpan.FromSeconds(10));
        endpoint.Observe(TimeSpan.FromMilliseconds(milliseconds), _time);
    }

    private static List<Endpoint> Many(Balancer balancer, Route route) => [.. Enumerable.Range(0, 200).Select(_ => balancer.Pick(route.Backend!, route.Options, Nobody.Instance, [])!)];

    private (Balancer, Route) Make(string way, int endpoints)
    {
        var some = new Some().Service("web", new V1ServiceSpec { Ports = [new V1ServicePort { Port = 80 }] }).Ingress("one", "a.example.com", ["Prefix /"], ("load-balance", way));
        some.Slice("web", "1", [new() { Port = 8080 }], [.. Enumerable.Range(1, endpoints).Select(i => Some.At($"10.0.0.{i}", $"p{i}"))]);
        var route = some.Commit().Routes.Find("a.example.com", "/")!;
        Assert.Equal(way switch { "ewma" => Balancing.Ewma, "least_conn" => Balancing.LeastRequests, _ => Balancing.RoundRobin }, route.Options.Balancing);
        return (new Balancer(_time), route);
    }

    private sealed class Nobody : IRequest
    {
        internal static readonly Nobody Instance = new();

        public string Method => "GET";
        public string Host => "a.example.com";
        public string Authority => Host;
        public RequestTarget Target { get; } = RequestTarget.Parse("/")!.Value;
        public bool IsHttps => false;
        public IPAddress Client => IPAddress.Loopback;
        public string Id => "id";
        public long? ContentLength => null;

        public string? Header(string name) => null;
    }
}
