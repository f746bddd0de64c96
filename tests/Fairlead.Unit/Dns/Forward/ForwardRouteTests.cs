using Fairlead.Dns.Forward;
using Fairlead.Dns.Wire;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.Dns.Forward;

public sealed class ForwardRouteTests
{
    [Theory]
    [InlineData("consul.local", true)]
    [InlineData("web.service.CONSUL.local", true)]
    [InlineData("xconsul.local", false)]
    [InlineData("local", false)]
    [InlineData("private.consul.local", false)]
    [InlineData("a.private.consul.local", false)]
    [InlineData("xprivate.consul.local", true)]
    public void Takes_DomainWithAnException_IsByWholeLabels(string name, bool expected)
    {
        using var route = new ForwardRoute(
            new ForwardRule { Domain = "Consul.local.", Except = ["private.consul.local"] }, new CacheOptions(), NullLogger.Instance, TimeProvider.System);
        var query = default(Query);
        query.Parse(Ask.Query(name));

        Assert.Equal(expected, route.Takes(query));
    }

    [Theory]
    [InlineData("10.0.0.1", "10.0.0.1:53", null)]
    [InlineData("10.0.0.1:5353", "10.0.0.1:5353", null)]
    [InlineData("dns://10.0.0.1", "10.0.0.1:53", null)]
    [InlineData("fd00::1", "[fd00::1]:53", null)]
    [InlineData("[fd00::1]:54", "[fd00::1]:54", null)]
    [InlineData("tls://1.1.1.1", "tls://1.1.1.1:853", null)]
    [InlineData("tls://1.1.1.1:8853%one.one.one.one", "tls://1.1.1.1:8853", "one.one.one.one")]
    [InlineData("https://1.1.1.1", null, null)]
    [InlineData("resolver.example", null, null)]
    public void Parse_Server_HasAddressAndName(string text, string? expected, string? name)
    {
        UpstreamServer? server = UpstreamServer.Parse(text);

        Assert.Equal(expected, server?.ToString());
        Assert.Equal(name, server?.TlsServerName);
    }
}
