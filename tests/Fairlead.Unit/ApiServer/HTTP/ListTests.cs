using System.Text.Json.Nodes;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>Kubernetes API concepts: "Retrieving large results sets in chunks" and "Resource versions".</summary>
public sealed class ListTests : ApiTest
{
    [Fact]
    public async Task List_InPages_IsTheSnapshotOfTheFirstPage()
    {
        foreach (var name in (string[])["a", "b", "c", "d", "e"]) await Requests.ConfigMapAsync(name);

        var first = await Requests.DoAsync("GET", Api.ConfigMaps + "?limit=2");
        await Requests.ConfigMapAsync("bb");
        await Requests.DoAsync("DELETE", Api.ConfigMaps + "/d");
        var second = await Requests.DoAsync("GET", $"{Api.ConfigMaps}?limit=2&continue={first["metadata"]!["continue"]}");
        var third = await Requests.DoAsync("GET", $"{Api.ConfigMaps}?limit=2&continue={second["metadata"]!["continue"]}");

        Assert.Equal(["a", "b"], Api.NamesOf(first));
        Assert.Equal(3, (int)first["metadata"]!["remainingItemCount"]!);
        Assert.Equal(["c", "d"], Api.NamesOf(second));
        Assert.Equal(["e"], Api.NamesOf(third));
        Assert.Null(third["metadata"]!["continue"]);
        Assert.Equal((string)first["metadata"]!["resourceVersion"]!, (string)third["metadata"]!["resourceVersion"]!);
    }

    [Fact]
    public async Task List_ParameterGivenTwice_TakesTheFirst()
    {
        foreach (var name in (string[])["a", "b", "c"]) await Requests.ConfigMapAsync(name);

        Assert.Equal(["a", "b"], Api.NamesOf(await Requests.DoAsync("GET", Api.ConfigMaps + "?limit=2&limit=1")));
    }

    [Fact]
    public async Task List_InPagesWithSelector_DoesNotTellHowManyRemain()
    {
        foreach (var name in (string[])["a", "b", "c"]) await Requests.ConfigMapAsync(name, ",\"labels\":{\"x\":\"y\"}");

        var first = await Requests.DoAsync("GET", Api.ConfigMaps + "?limit=2&labelSelector=x%3Dy");

        Assert.NotNull(first["metadata"]!["continue"]);
        Assert.Null(first["metadata"]!["remainingItemCount"]);
    }

    [Theory]
    [InlineData("resourceVersion={0}&resourceVersionMatch=Exact", "a")]
    [InlineData("resourceVersion={0}&limit=10", "a")]
    [InlineData("resourceVersion={0}&resourceVersionMatch=NotOlderThan", "a,b")]
    [InlineData("resourceVersion={0}", "a,b")]
    [InlineData("resourceVersion=0", "a,b")]
    [InlineData("resourceVersion=0&resourceVersionMatch=NotOlderThan", "a,b")]
    public async Task List_AtAVersion_AsItMatches(string query, string expected)
    {
        var a = await Requests.ConfigMapAsync("a");
        await Requests.ConfigMapAsync("b");

        var names = await Requests.NamesAsync($"{Api.ConfigMaps}?{string.Format(null, query, a["metadata"]!["resourceVersion"])}");

        Assert.Equal(expected, string.Join(',', names));
    }

    [Theory]
    [InlineData("resourceVersionMatch=Exact", 422, "resourceVersionMatch is forbidden unless resourceVersion is provided")]
    [InlineData("resourceVersionMatch=Exact&resourceVersion=0", 422, "is forbidden for resourceVersion \"0\"")]
    [InlineData("resourceVersionMatch=Never&resourceVersion=1", 422, "Unsupported value: \"Never\"")]
    [InlineData("resourceVersionMatch=Exact&resourceVersion=1&continue=x", 422, "is forbidden when continue is provided")]
    [InlineData("sendInitialEvents=true", 422, "sendInitialEvents is forbidden for list")]
    [InlineData("watch=true&resourceVersionMatch=NotOlderThan", 422, "is forbidden for watch unless sendInitialEvents is provided")]
    [InlineData("watch=true&sendInitialEvents=true", 422, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")]
    [InlineData("continue=nonsense", 400, "continue key is not valid")]
    [InlineData("resourceVersion=99999999", 504, "Too large resource version")]
    [InlineData("limit=-1", 400, "limit must be a non-negative integer")]
    [InlineData("fieldSelector=spec.nothing%3Dx", 400, "field label not supported: spec.nothing")]
    public async Task List_QueryThatMakesNoSense_IsRefused(string query, int code, string message)
    {
        var (answered, status) = await Requests.SendAsync("GET", Api.ConfigMaps + "?" + query);

        Assert.Equal(code, answered);
        Assert.Contains(message, (string)status["message"]!, StringComparison.Ordinal);
    }
}
