using Xunit;

namespace Fairlead.Unit.ApiServer.Printing;

public sealed class PodTableTests
{
    private const string Running = "\"state\":{\"running\":{}},\"ready\":true,\"restartCount\":0";

    private static string[] Row(string status, string spec = "\"containers\":[{\"name\":\"c\"}]", string meta = "") =>
        TablePrinterTests.Row("", "pods", "{\"metadata\":{\"name\":\"p\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\"" + meta + "},\"spec\":{" + spec + "},\"status\":{" + status + "}}");

    private static string Summary(string[] row) => string.Join(' ', row[1..4]);

    [Theory]
    [InlineData("\"phase\":\"Pending\"", "0/1 Pending 0")]
    [InlineData("\"phase\":\"Pending\",\"containerStatuses\":[{\"state\":{\"waiting\":{\"reason\":\"ContainerCreating\"}}}]", "0/1 ContainerCreating 0")]
    [InlineData("\"phase\":\"Pending\",\"containerStatuses\":[{\"state\":{\"waiting\":{\"reason\":\"ImagePullBackOff\"}}}]", "0/1 ImagePullBackOff 0")]
    [InlineData("\"phase\":\"Running\",\"containerStatuses\":[{" + Running + "}]", "1/1 Running 0")]
    [InlineData("\"phase\":\"Running\",\"containerStatuses\":[{\"state\":{\"running\":{}},\"ready\":false}]", "0/1 Running 0")]
    [InlineData("\"phase\":\"Running\",\"containerStatuses\":[{\"state\":{\"running\":{}},\"ready\":true,\"restartCount\":1,\"lastState\":{\"terminated\":{\"finishedAt\":\"2026-01-01T00:03:00Z\"}}}]", "1/1 Running 1 (2m ago)")]
    [InlineData("\"phase\":\"Running\",\"containerStatuses\":[{\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}},\"restartCount\":3,\"lastState\":{\"terminated\":{\"finishedAt\":\"2026-01-01T00:04:30Z\"}}}]", "0/1 CrashLoopBackOff 3 (30s ago)")]
    [InlineData("\"phase\":\"Succeeded\",\"containerStatuses\":[{\"state\":{\"terminated\":{\"reason\":\"Completed\",\"exitCode\":0}}}]", "0/1 Completed 0")]
    [InlineData("\"phase\":\"Failed\",\"containerStatuses\":[{\"state\":{\"terminated\":{\"reason\":\"Error\",\"exitCode\":1}}}]", "0/1 Error 0")]
    [InlineData("\"phase\":\"Failed\",\"containerStatuses\":[{\"state\":{\"terminated\":{\"exitCode\":3}}}]", "0/1 ExitCode:3 0")]
    [InlineData("\"phase\":\"Failed\",\"containerStatuses\":[{\"state\":{\"terminated\":{\"signal\":9,\"exitCode\":137}}}]", "0/1 Signal:9 0")]
    [InlineData("\"phase\":\"Failed\",\"reason\":\"Evicted\"", "0/1 Evicted 0")]
    [InlineData("\"phase\":\"Pending\",\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":\"SchedulingGated\"}]", "0/1 SchedulingGated 0")]
    public void Status_OfOneContainer(string status, string expected) => Assert.Equal(expected, Summary(Row(status)));

    [Theory]
    [InlineData("\"ready\":true", "1/2 Running 0")]
    [InlineData("\"ready\":false", "1/2 NotReady 0")]
    public void Status_OneCompletedOneRunning_DependsOnThePod(string ready, string expected)
    {
        var condition = ready.EndsWith("true", StringComparison.Ordinal) ? "True" : "False";
        var status = $$"""
            "phase":"Running","conditions":[{"type":"Ready","status":"{{condition}}"}],
            "containerStatuses":[{"state":{"terminated":{"reason":"Completed"} } },{"state":{"running":{} },"ready":true}]
            """;
        Assert.Equal(expected, Summary(Row(status, "\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]")));
    }

    [Theory]
    [InlineData("{\"state\":{\"running\":{}}}", "0/1 Init:0/2 0")]
    [InlineData("{\"state\":{\"waiting\":{\"reason\":\"PodInitializing\"}}}", "0/1 Init:0/2 0")]
    [InlineData("{\"state\":{\"terminated\":{\"exitCode\":0,\"reason\":\"Completed\"}}},{\"state\":{\"running\":{}}}", "0/1 Init:1/2 0")]
    [InlineData("{\"state\":{\"terminated\":{\"exitCode\":1,\"reason\":\"Error\"}}}", "0/1 Init:Error 0")]
    [InlineData("{\"state\":{\"terminated\":{\"exitCode\":1}}}", "0/1 Init:ExitCode:1 0")]
    [InlineData("{\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}},\"restartCount\":2}", "0/1 Init:CrashLoopBackOff 2")]
    public void Status_WhileInitContainersRun(string inits, string expected) => Assert.Equal(expected, Summary(Row(
        "\"phase\":\"Pending\",\"initContainerStatuses\":[" + inits + "],\"containerStatuses\":[{\"state\":{\"waiting\":{\"reason\":\"PodInitializing\"}}}]",
        "\"initContainers\":[{\"name\":\"i\"},{\"name\":\"j\"}],\"containers\":[{\"name\":\"c\"}]")));

    [Fact]
    public void Status_Sidecar_CountsAsAContainer() => Assert.Equal("2/2 Running 1", Summary(Row(
        "\"phase\":\"Running\",\"initContainerStatuses\":[{\"name\":\"s\",\"started\":true,\"ready\":true,\"restartCount\":1,\"state\":{\"running\":{}}}],\"containerStatuses\":[{" + Running + "}]",
        "\"initContainers\":[{\"name\":\"s\",\"restartPolicy\":\"Always\"}],\"containers\":[{\"name\":\"c\"}]")));

    [Theory]
    [InlineData("\"phase\":\"Running\"", "Terminating")]
    [InlineData("\"phase\":\"Running\",\"reason\":\"NodeLost\"", "Unknown")]
    [InlineData("\"phase\":\"Succeeded\"", "Succeeded")]
    public void Status_BeingDeleted(string status, string expected) =>
        Assert.Equal(expected, Row(status, meta: ",\"deletionTimestamp\":\"2026-01-01T00:04:00Z\"")[2]);

    [Fact]
    public void Wide_ShowsWhereThePodIs()
    {
        Assert.Equal(["<none>", "<none>", "<none>", "<none>"], Row("\"phase\":\"Pending\"")[5..]);
        var row = Row(
            "\"phase\":\"Running\",\"podIPs\":[{\"ip\":\"10.244.0.5\"},{\"ip\":\"fd00::5\"}],\"conditions\":[{\"type\":\"g1\",\"status\":\"True\"}]",
            "\"nodeName\":\"node-1\",\"containers\":[],\"readinessGates\":[{\"conditionType\":\"g1\"},{\"conditionType\":\"g2\"}]");
        Assert.Equal(["10.244.0.5", "node-1", "<none>", "1/2"], row[5..]);
    }
}
