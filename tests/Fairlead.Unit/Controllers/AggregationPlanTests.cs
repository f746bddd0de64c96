using Fairlead.Controllers.RoleAggregation;
using Fairlead.Kube.Selectors;
using Xunit;

namespace Fairlead.Unit.Controllers;

/// <summary>Kubernetes documentation: "Using RBAC Authorization", aggregated ClusterRoles.</summary>
public sealed class AggregationPlanTests
{
    /// <summary>Roles as <c>NAME[label=value…]:rule,rule</c>; what the role <c>all</c>, which gathers <c>to=all</c> or <c>to=more</c>, is to have.</summary>
    [Theory]
    [InlineData("", "one[to=all]:a,b", "a,b")]
    [InlineData("", "two[to=all]:c;one[to=all]:a,b", "a,b,c")]
    [InlineData("", "one[to=all]:a,b;two[to=all]:b,c", "a,b,c")]
    [InlineData("", "one[to=more]:m;two[to=all]:a", "a,m")]
    [InlineData("", "one[to=other]:x", null)]
    [InlineData("a,b", "one[to=all]:a,b", null)]
    [InlineData("a,b", "one[to=all]:a", "a")]
    [InlineData("a,b", "one[]:a", "")]
    [InlineData("mine", "one[to=all]:a", "a")]
    public void RulesOf_GathersWhatItsSelectorsMatch(string has, string others, string? expected)
    {
        var all = new RoleItem("all", "1", new Dictionary<string, string> { ["to"] = "all" }, [Selector("to=all"), Selector("to=more")], Split(has));

        var rules = AggregationPlan.RulesOf(all, [all, .. others.Split(';').Select(Parse)]);

        Assert.Equal(expected, rules is null ? null : string.Join(',', rules));
    }

    [Fact]
    public void RulesOf_ARoleOfItsOwnRules_IsLeftAlone() =>
        Assert.Null(AggregationPlan.RulesOf(new RoleItem("own", "1", new Dictionary<string, string>(), null, ["a"]), [Parse("one[to=all]:b")]));

    private static LabelSelector Selector(string text) => LabelSelector.TryParse(text, out var selector, out var error) ? selector : throw new FormatException(error);

    private static string[] Split(string rules) => rules.Split(',', StringSplitOptions.RemoveEmptyEntries);

    private static RoleItem Parse(string text)
    {
        var (open, close) = (text.IndexOf('['), text.IndexOf(']'));
        var labels = text[(open + 1)..close].Split(',', StringSplitOptions.RemoveEmptyEntries).ToDictionary(pair => pair.Split('=')[0], pair => pair.Split('=')[1]);
        return new RoleItem(text[..open], "1", labels, null, Split(text[(close + 2)..]));
    }
}
