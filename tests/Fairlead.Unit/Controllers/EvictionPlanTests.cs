using Fairlead.Controllers.Cache;
using Fairlead.Controllers.TaintEviction;
using Xunit;

namespace Fairlead.Unit.Controllers;

public sealed class EvictionPlanTests
{
    [Theory]
    // tolerations as key:seconds (- for ever) → seconds to stay; -1: for ever
    [InlineData("NoExecute", "", 0)]
    [InlineData("NoSchedule", "", -1)]
    [InlineData("NoExecute", "x:-", -1)]
    [InlineData("NoExecute", "x:300", 300)]
    [InlineData("NoExecute", "x:300,x:20", 20)]
    [InlineData("NoExecute", "x:-,x:20", 20)]
    [InlineData("NoExecute", "other:300", 0)]
    [InlineData("NoExecute", "x:-5", 0)]
    public void Stay_ByTolerations(string effect, string tolerations, int seconds)
    {
        var node = Given.Node() with { Taints = [new Taint("x", "", effect)] };
        var pod = Given.Pod("p") with { Demand = Given.NoDemand with { Tolerations = [.. tolerations.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Parse)] } };
        Assert.Equal(seconds < 0 ? null : TimeSpan.FromSeconds(seconds), EvictionPlan.Stay(pod, node));
    }

    [Fact]
    public void Stay_OneOfTwoTaintsIsNotTolerated_GoesAtOnce()
    {
        var node = Given.Node() with { Taints = [new Taint("x", "", "NoExecute"), new Taint("y", "", "NoExecute")] };
        var pod = Given.Pod("p") with { Demand = Given.NoDemand with { Tolerations = [Parse("x:300")] } };
        Assert.Equal(TimeSpan.Zero, EvictionPlan.Stay(pod, node));
    }

    private static Toleration Parse(string text)
    {
        var (key, seconds) = (text.Split(':')[0], text.Split(':')[1]);
        return new Toleration(key, "Exists", "", "NoExecute") { Seconds = seconds == "-" ? null : long.Parse(seconds, System.Globalization.CultureInfo.InvariantCulture) };
    }
}
